"""The kinds of fedmesh.dev/v1alpha1."""
