"""What the controller is told of the services of this cluster.

In: a service as it was observed before and now (`exporter`). Out: a table of named resources
(`table.Reports`): exports, backends, tombstones, gateways. New exports wait until this cluster's
own proxies answer for them.
"""
