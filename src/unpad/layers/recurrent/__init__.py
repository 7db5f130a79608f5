"""Layers and cells that walk each sequence."""
