"""Attention within and between sequences, positions, transformer blocks."""
