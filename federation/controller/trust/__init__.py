"""The root of trust and what it signs.

In: joins and renewals. Out: intermediate authorities of the clusters, anchors that are believed,
and until when.
"""
