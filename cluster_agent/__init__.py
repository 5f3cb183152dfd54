"""The process in every cluster: watches, syncs, plans, serves xDS."""
