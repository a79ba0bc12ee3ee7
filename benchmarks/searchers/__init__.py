"""A league table of searches on tuning problems that others made."""
