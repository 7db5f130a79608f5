"""Dropouts and noise, out of training: what they draw is in test_noise."""

from .case import Case

CASES = [
    Case("Dropout a draw a sequence", lambda k: k.layers.Dropout(0.5, (None, 1, None), seed=1)),
    Case("SpatialDropout1D", lambda k: k.layers.SpatialDropout1D(0.5)),
    Case("GaussianNoise", lambda k: k.layers.GaussianNoise(0.5)),
    Case("GaussianDropout", lambda k: k.layers.GaussianDropout(0.5, seed=1)),
    Case("AlphaDropout", lambda k: k.layers.AlphaDropout(0.5, (None, 1, None))),
]
