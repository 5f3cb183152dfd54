"""This cluster's certificate authority.

In: a join token, then the controller's answers. Out: an `Authority` that signs for the cluster's
own proxies (`authority`); joined (`join`, `rejoin`), renewed (`renew`) and given another key
(`rekey`) without a person where that is safe.
"""
