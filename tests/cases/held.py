"""Grid and Varlen: modules of someone else's on whole sequences."""

import torch

from unpad import layers as L

from .case import Case

TORCH = "a torch module; tests/layers/test_held.py says what it gives"


class OfOffsets(torch.nn.Module):
    """Each step without its sequence's mean, as a kernel of offsets would compute it."""

    def forward(self, x, cu_seqlens, max_seqlen):
        parts = x.tensor_split(cu_seqlens[1:-1].long())
        return torch.cat([part - part.mean(0) for part in parts])


def _encoder():
    block = torch.nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
    return L.Grid(block, mask="src_key_padding_mask", real=False)


CASES = [
    Case("Grid", lambda k: _encoder(), (("steps", (4,)),), keras=None, why=TORCH),
    Case("Grid channels first",
         lambda k: L.Grid(torch.nn.Conv1d(3, 2, 3, padding="same"), channels_first=True),
         keras=None, why=TORCH),
    Case("Varlen", lambda k: L.Varlen(OfOffsets()), keras=None, why=TORCH),
]  # fmt: skip
