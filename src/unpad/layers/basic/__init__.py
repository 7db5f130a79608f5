"""Layers of single steps, and the doors."""
