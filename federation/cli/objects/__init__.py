"""What the verbs of fedctl for objects share: which objects are meant, files, tables, watches.

In: words, files and options of a command line. Out: calls of `federation.client.objects`, and what
they answer as people read it. A verb itself is a module of `federation.cli.commands`.
"""
