"""The DNS server of a cluster: zone tables fed by the agent, kept on disk, answered at once."""
