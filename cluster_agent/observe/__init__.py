"""What a cluster says about its services: pure.

In: Kubernetes objects, one change at a time. Out: for each service its export, its endpoints and
what is wrong with it (`service.observe`), and the conditions that people see.
"""
