"""What the API shows: status, problems, clusters, trust. Pure."""
