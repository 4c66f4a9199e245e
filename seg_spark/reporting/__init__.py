"""Reporting: what people look at while a night runs and after it."""
