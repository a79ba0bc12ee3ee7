"""The page of a run, served while it goes on."""
