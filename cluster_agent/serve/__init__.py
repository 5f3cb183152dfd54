"""The server of this cluster's proxies and DNS servers.

In: their workload tokens, requests, reports. Out: certificates, snapshots, names; and who was
refused, and why.
"""
