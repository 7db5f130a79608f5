"""Steps laid out, repeated, added and left out."""
