"""The process in every cluster: watches, reports, plans, serves xDS.

In `agent` two flows meet: the way up (`export_flow`: source, observe, report, uplink) and the way
down (`import_flow`: uplink, planning, snapshot, serve). `health` knows what lives, `authority`
signs, `entry` and `dns` serve clients without a sidecar. `main` builds every object, then runs.
"""
