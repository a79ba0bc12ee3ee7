"""The folder of a run, read back."""
