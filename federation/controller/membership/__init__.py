"""Who belongs to the clusterset: the operator's word, join tokens.

In: calls of the API, joins. Out: members in the store, changed by compare-and-swap.
"""
