"""Messages, their codec, and the one place where gRPC is spoken."""

import os

# We start processes, but never go on in a forked one: gRPC need not prepare for that (and say so).
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
# What goes wrong we say ourselves, in one sentence that names the address.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
