"""One value for a window, or for a sequence."""
