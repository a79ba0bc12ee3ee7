"""This process: what it says, which signals it heeds, what a trial may change of it."""
