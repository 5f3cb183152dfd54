"""How clients without a sidecar reach services.

In: plans, and the ranges that gateways offer. Out: an address per service that stays (`allocation`,
`service_addresses`), listeners at gateways (`entry`), and what DNS servers are told (`dns_names`),
once somebody listens there (`name_delay`).
"""
