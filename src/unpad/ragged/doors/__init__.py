"""In from what callers hold, and out to it."""
