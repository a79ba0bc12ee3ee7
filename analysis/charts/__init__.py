"""What pictures show, and how they are drawn."""
