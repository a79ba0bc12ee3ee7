"""What is told of a run while it goes on, in this process."""
