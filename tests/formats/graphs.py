"""A layer of one of the cases as a model, and torch's export of it."""

import torch

import unpad
from unpad import Ragged
from unpad.formats.export.graph import graph


class Calling(torch.nn.Module):
    """A layer with the way in which its case calls it."""

    def __init__(self, case):
        super().__init__()
        self.case, self.layer = case, case.make(unpad)

    def forward(self, *inputs):
        """Its outputs, several in a list."""
        return self.case.run(self.layer, list(inputs))


def batch(case, lengths=None):
    """The case's inputs in single precision."""
    inputs = case.batch() if lengths is None else case.batch(lengths)
    return tuple(x.to(dtype=torch.float32) if x.dtype == torch.float64 else x for x in inputs)


def model_of(case):
    """The case's layer, as it predicts."""
    torch.manual_seed(0)
    return Calling(case).eval()


def exported(model, inputs):
    """Torch's graph of it, for any steps and any batch."""
    return graph(model, *inputs)


def tensors(outputs):
    """All tensors of what came out, with the lengths of each Ragged."""
    parts = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    found = []
    for part in parts:
        ragged = isinstance(part, Ragged)
        found += [part.values, part.lengths] if ragged else [part]
    return found


def assert_same(got, want, tolerance=1e-5):
    """Every tensor of the outputs."""
    got, want = tensors(got), tensors(want)
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)
