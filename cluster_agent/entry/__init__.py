"""How clients without a sidecar reach services.

In: plans, and the ranges that gateways offer. Out: an address per service that stays, listeners
behind it, and what DNS tells of it.
"""
