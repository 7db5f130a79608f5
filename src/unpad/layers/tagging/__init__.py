"""Best paths of tags."""
