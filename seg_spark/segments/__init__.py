"""Segments: the model with its identity, its scorers, profiles and names."""
