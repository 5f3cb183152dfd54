"""The objects of the API: where they are kept, and what is seen of the mesh as objects.

In: documents in the store, the facts. Out: the collections and resources of `federation.apiserver`.
What people write goes through the one door for intent; views are made of the facts, and kept
nowhere.
"""
