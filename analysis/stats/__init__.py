"""What the records mean: frames in, frames out."""
