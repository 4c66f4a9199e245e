"""Reporting: what people see during a run and after it."""
