"""Continuous XOR."""
