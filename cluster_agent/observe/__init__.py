"""What a cluster says about its services: pure.

In: Kubernetes objects, one change at a time. Out: which services a change concerns
(`observed_services`); for each its export, its endpoints and what is wrong with it (`service`);
whether that is all there is (`completeness`); the conditions that people see.
"""
