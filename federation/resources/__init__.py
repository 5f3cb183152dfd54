"""The documents people write."""
