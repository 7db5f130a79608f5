"""Strings to ids, and ids to counts."""
