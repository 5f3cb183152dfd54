"""Where a cluster's objects come from."""
