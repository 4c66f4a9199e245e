"""Cleaning: every raw row ends as accepted, merged duplicate or rejected with reasons."""
