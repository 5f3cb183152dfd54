"""How an object becomes another one by a patch, and who owns which of its fields.

In: objects, patches and configurations as JSON values, the kind's schema, the time. Out: the object
that is to be written, with `metadata.managedFields`; or one sentence why not. Pure: nothing here
knows a store, a request or a clock, and nothing changes what it was given.
"""
