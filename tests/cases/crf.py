"""CRF: paths of tags. The best path is constant in pieces; marginals have gradients."""

from .case import Case

_NAMES = ["O", "B-A", "I-A", "B-B", "I-B"]
_OWN = "Keras has none"


def random(shape, dtype=None):
    """Values that prefer some tags to others."""
    import torch

    return torch.sin(torch.arange(torch.Size(shape).numel(), dtype=dtype) * 2.3).reshape(shape)


def _crf(name, inputs=3, **options):
    return Case(
        f"CRF {name}",
        lambda k: k.layers.CRF(
            transition_initializer=random, boundary_initializer=random, **options
        ),
        (("steps", (inputs,)),), keras=None, why=_OWN,
    )  # fmt: skip


CASES = [
    Case("CRF", lambda k: k.layers.CRF(), keras=None, why=_OWN),
    _crf("best path"),
    _crf("marginals", decoding="marginals"),
    _crf("marginals without boundary", decoding="marginals", use_boundary=False),
    _crf("marginals of BIO tags", 5, decoding="marginals", tags=_NAMES, scheme="BIO"),
    _crf("best path of BIO tags, without boundary", 5, tags=_NAMES, scheme="BIO",
         use_boundary=False),
    _crf("marginals of one tag", 1, decoding="marginals"),
]  # fmt: skip
