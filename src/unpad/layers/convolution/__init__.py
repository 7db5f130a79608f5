"""Windows that slide over each sequence."""
