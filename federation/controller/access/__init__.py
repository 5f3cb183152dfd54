"""Who may use the API: users' tokens and certificates, and who shows one of them.

In: the store, the root, and what the kind User says of a user. Out: a `Caller`
(`federation.apiserver.caller`) for what a request shows, without asking a disk.
"""
