"""The HTTPS API for people, and its client."""
