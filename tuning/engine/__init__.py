"""The trials of a run: decided, trained and written down."""
