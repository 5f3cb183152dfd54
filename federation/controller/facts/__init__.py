"""What the controller knows, and who is told of it: no I/O.

In: members and admitted reports. Out: facts for every cluster that listens, as far as it may see
them.
"""
