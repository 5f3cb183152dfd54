"""The one place where gRPC is spoken.

In: an identity and handlers, or an address. Out: calls and streams of typed messages, bounded in
size, number and pace, with signs of life.
"""
