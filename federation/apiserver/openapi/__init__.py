"""The OpenAPI documents that kubectl and other clients ask for."""
