"""Everything the parts of fedmesh share, and the controller, the API, fedctl and the demo."""
