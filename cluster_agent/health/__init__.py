"""What lives and what does not, as this cluster sees it.

In: reports of its proxies (`proxy_reports`), and when each sent something (`presence`). Out: the
health of local endpoints, clusters that come back (`recovery`), gateways here and elsewhere,
resources that proxies refuse (`nacks`), and problems for people.
"""
