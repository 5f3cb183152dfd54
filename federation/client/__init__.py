"""The client of the HTTPS API, for fedctl, the demo and tests."""
