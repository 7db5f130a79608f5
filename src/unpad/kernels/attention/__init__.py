"""Attention within and between the sequences of a batch: its paths, and what they decide by."""
