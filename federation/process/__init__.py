"""What every program needs to start: `--config FILE`, settings, secrets, sockets."""
