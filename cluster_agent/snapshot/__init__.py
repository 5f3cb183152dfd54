"""The way down: what each proxy of this cluster is sent.

In: facts, observed services, health. Out: tables of Envoy resources (`snapshots.Snapshots`) and
which of them changed.
"""
