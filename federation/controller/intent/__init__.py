"""Intent: what people want of the clusterset, as documents in the store, and its one door.

In: documents, written by compare-and-swap (`documents`). Out: what the facts are made of, fed by
watching the store (`apply_intent`). Nobody else changes in memory what the store has.
"""
