"""Several batches made one, step by step."""
