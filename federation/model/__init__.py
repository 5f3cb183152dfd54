"""Values: frozen, parsed once at the border."""
