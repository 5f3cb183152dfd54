"""The connection to the controller, opened from here, for ever.

In: reports (`cluster_agent.report`). Out: facts about the clusterset, decoded and grouped by
service (`facts`); what the controller refused.
"""
