"""Named resources and the session that carries them."""
