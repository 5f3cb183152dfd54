"""The HTTPS API for people and pipelines.

In: requests with the admin token. Out: calls of the controller's application, answered as JSON. Who
connects passes `connection_guard` and `rate_limit` before TLS and before the token is looked at.
"""
