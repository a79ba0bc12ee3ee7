"""Lungs in chest X-rays."""
