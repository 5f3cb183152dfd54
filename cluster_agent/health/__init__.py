"""What lives and what does not, as this cluster sees it.

In: reports of its proxies. Out: endpoints that fail their checks, clusters that come back, gateways
here and elsewhere, and problems for people.
"""
