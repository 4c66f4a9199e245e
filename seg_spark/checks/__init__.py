"""`doctor`, `validate` and `--dry-run`: checks before a run."""
