"""The command line. Spark is imported only by the commands that need it."""
