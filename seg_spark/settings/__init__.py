"""Settings: what conf/*.yml may say, layered, validated, and the only home of defaults."""
