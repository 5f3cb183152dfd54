"""The server of this cluster's proxies and DNS servers.

In: workload tokens, requests and reports (`proxy_server`). Out: certificates, and snapshots and
names over the streams that are open (`streams`); to the agent, what proxies report, have
acknowledged, and when they fall silent; to people, who was refused and why.
"""
