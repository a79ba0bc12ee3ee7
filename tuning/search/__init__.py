"""Which trial comes next, and which goes on: decided without Ray."""
