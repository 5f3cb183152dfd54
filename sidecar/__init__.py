"""The sidecar: what it runs, and how its plan becomes Envoy configuration."""
