"""The east-west gateway: what it runs, and how its plan becomes Envoy configuration."""
