"""One file per command of fedctl."""
