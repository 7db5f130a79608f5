"""Numbers brought to one scale."""
