"""Shared pieces of Envoy configuration."""
