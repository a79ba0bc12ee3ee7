"""The studies that ``study new`` writes."""
