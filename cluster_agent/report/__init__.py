"""The way up: what the controller is told.

In: services as they were observed. Out: a table of named resources (`table.Reports`): exports,
backends, tombstones, gateways. New exports wait until this cluster's own proxies answer for them.
"""
