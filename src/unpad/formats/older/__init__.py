"""Keras 1's and 2's words in ours, their arrays in our layouts; knows no file."""
