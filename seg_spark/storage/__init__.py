"""Storage: the only place that reads or writes tables, models and run records."""
