"""The federation controller."""
