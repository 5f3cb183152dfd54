"""Load, its history, and the judges of it."""
