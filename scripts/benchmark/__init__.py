"""How long a night takes, and how good its segments are, beside what one would otherwise use."""
