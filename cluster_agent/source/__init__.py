"""Where a cluster's objects come from.

In: a folder of YAML and JSON (`directory`); Kubernetes later. Out: batches of changed objects, and
conditions written back (`source.Source`). Nothing in here knows what the objects mean.
"""
