"""The connection to the controller.

In: facts about the clusterset, kept on disk as last known. Out: reports. Opened from here, for
ever.
"""
