"""What a proxy's Envoy sees: read from its admin interface.

In: counters and cluster states. Out: endpoints that fail checks, round trips, connections that were
refused, ports at which an application no longer listens or closes connections.
"""
