"""What the demo can show."""
