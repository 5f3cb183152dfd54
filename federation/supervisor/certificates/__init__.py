"""The certificates of a proxy: made here, signed by the agent.

In: a workload token. Out: leaf and key in files and for Envoy, renewed at half of their life.
"""
