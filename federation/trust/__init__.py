"""Identities and certificates: profile, issue, validate, rotate."""
