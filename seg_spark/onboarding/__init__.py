"""A start on a table nobody has seen: a proposed conf, and the checks around it."""
