"""Where a cluster's objects come from.

In: a folder of YAML and JSON (`directory`); Kubernetes later. Out: batches of changed objects, and
the other way what people are told of theirs (`source.Source`,
`status.Status`). Nothing in here knows what the objects mean.
"""
