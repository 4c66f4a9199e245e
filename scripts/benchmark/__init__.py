"""How long a run takes and how good its segments are, beside what people would otherwise use."""
