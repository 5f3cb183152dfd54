"""This cluster's certificate authority.

In: a join token, then the controller's answers. Out: an intermediate authority that signs for the
cluster's own proxies, renewed, replaced and joined again without a person where that is safe.
"""
