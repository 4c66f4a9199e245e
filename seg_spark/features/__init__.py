"""Features: from a clean customer to a point in the space the distances live in."""
