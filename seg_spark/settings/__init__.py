"""Settings: what conf/*.yml may hold, layered and validated; defaults are stated nowhere else."""
