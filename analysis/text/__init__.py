"""Numbers, amounts and errors as text."""
