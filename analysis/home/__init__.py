"""All runs of a folder, a row each."""
