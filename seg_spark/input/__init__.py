"""Everything that reads a raw customer table: files, formats, encodings, a sample, and the Spark reader."""
