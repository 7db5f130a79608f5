"""Keras runs on PyTorch here; it reads that when it is first imported."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")
