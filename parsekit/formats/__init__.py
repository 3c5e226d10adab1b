"""Results as people and programs read them: table, JSON, JSON lines, CSV, Parquet."""
