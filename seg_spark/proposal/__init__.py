"""`seg-spark init`: what each column looks like, and the configuration proposed for the table."""
