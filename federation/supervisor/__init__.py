"""Envoy's supervisor, shared by gateway and sidecar."""
