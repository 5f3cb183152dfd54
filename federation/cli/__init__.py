"""fedctl."""
