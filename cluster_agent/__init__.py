"""The process in every cluster: watches, reports, plans, serves xDS.

Two flows meet in `agent`: the way up (source, observe, report, uplink) and the way down (uplink,
planning, snapshot, serve). `health` knows what lives, `authority` signs, `entry` and `dns` serve
clients without a sidecar.
"""
