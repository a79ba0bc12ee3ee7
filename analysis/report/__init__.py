"""What a run found, for reading: one page, and the same tables and pictures as files."""
