"""The rows of the kinds that the API serves, by group; `federation.api.kinds` has all."""
