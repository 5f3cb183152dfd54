"""What each proxy of this cluster is sent: pure.

In: facts, observed services, health, proxies. Out: tables of Envoy resources and which of them
changed (`snapshots.Snapshots`). `zones`, `gateways`, `sidecars` and `entry` build one kind each.
"""
