"""What of a cluster's reports is taken.

In: reported resources. Out: those that the operator's word allows, and mass withdrawals held back;
what was refused, with the reason, for people.
"""
