"""From facts to plans: pure functions."""
