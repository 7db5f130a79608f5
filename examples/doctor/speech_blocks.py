"""Blocks as speech toolkits have them, small, each with and without a fault.

They are written for one table, after what public reports say of such blocks: docs/public-models.md.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def real(x: Tensor, lengths: Tensor) -> Tensor:
    """(batch, time), True at steps."""
    return torch.arange(x.shape[1]) < lengths[:, None]


class Conformer(nn.Module):
    """Attention whose keys are masked, then a convolution over neighbours.

    Args:
        norm: behind the depthwise convolution: "batch", "group" (over time too) or "layer".
        masked: whether padding is zero before the convolution.
    """

    def __init__(self, norm: str, masked: bool = False, width: int = 16) -> None:
        super().__init__()
        self.masked, self.norm = masked, norm
        self.attend = nn.MultiheadAttention(width, 4, batch_first=True)
        self.before = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 2 * width)
        self.depthwise = nn.Conv1d(width, width, 7, padding=3, groups=width)
        kinds = {"batch": nn.BatchNorm1d(width), "group": nn.GroupNorm(1, width)}
        self.normalise = kinds.get(norm, nn.LayerNorm(width))
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        mask = real(x, lengths)
        x = x + self.attend(x, x, x, key_padding_mask=~mask, need_weights=False)[0]
        h = F.glu(self.wide(self.before(x)), -1)
        if self.masked:
            h = h * mask[..., None]
        h = self.depthwise(h.mT)
        h = self.normalise(h.mT) if self.norm == "layer" else self.normalise(h).mT
        return x + self.out(F.silu(h))


class TimeDelay(nn.Module):
    """A speaker's vector: convolutions over time, then mean and deviation over the real steps.

    Args:
        masked: whether padding is zero before each convolution.
    """

    def __init__(self, masked: bool = False, width: int = 16) -> None:
        super().__init__()
        self.masked = masked
        self.convolve = nn.ModuleList(
            nn.Conv1d(width, width, 5, padding=2 * d, dilation=d) for d in (1, 2)
        )
        self.out = nn.Linear(2 * width, 8)

    def forward(self, x: Tensor, wav_lens: Tensor) -> Tensor:
        mask = real(x, (wav_lens * x.shape[1]).round().long())[:, None]
        h = x.mT
        for convolve in self.convolve:
            h = F.relu(convolve(h * mask if self.masked else h))
        count = mask.sum(2)
        mean = (h * mask).sum(2) / count
        spread = (((h - mean[..., None]) * mask) ** 2).sum(2) / count
        return self.out(torch.cat([mean, (spread + 1e-5).sqrt()], 1))


class Sequential(nn.Module):
    """A container that hands lengths on to parts which have an argument of one name.

    Args:
        name: of that argument in its recurrence.
    """

    def __init__(self, name: str, width: int = 16) -> None:
        super().__init__()
        self.parts = nn.ModuleList([nn.Linear(width, width), _NAMED[name](width), nn.Linear(16, 4)])

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        for part in self.parts:
            takes = "lengths" in part.forward.__code__.co_varnames[:3]
            x = part(x, lengths=lengths) if takes else part(x)
        return x


class _Walk(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.walk = nn.GRU(width, 8, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        if lengths is None:
            return self.walk(x)[0]
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.walk(packed)[0], batch_first=True, total_length=x.shape[1])[
            0
        ]


class _WalkWav(_Walk):
    def forward(self, x: Tensor, wav_lens: Tensor | None = None) -> Tensor:
        return super().forward(x, wav_lens)


_NAMED = {"lengths": _Walk, "wav_lens": _WalkWav}


class Strided(nn.Module):
    """Two convolutions, every second step kept; both sides of a sequence filled to "same".

    Args:
        masked: whether what stands behind each sequence's end is zero before each convolution.
        static: whether a side is filled by the kernel alone, or by the width of the grid too, in
            which case strides begin elsewhere in a wider grid.
    """

    def __init__(self, masked: bool = False, static: bool = False, width: int = 16) -> None:
        super().__init__()
        self.masked, self.static = masked, static
        self.convolve = nn.ModuleList(nn.Conv1d(width, width, 5, stride=2) for _ in range(2))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        h = x.mT
        for convolve in self.convolve:
            if self.masked:
                h = h * (torch.arange(h.shape[2]) < lengths[:, None])[:, None]
            more = 4 if self.static else max(0, (-(-h.shape[2] // 2) - 1) * 2 + 5 - h.shape[2])
            left = more // 2
            h = F.relu(convolve(F.pad(h, (left, more - left))))
            lengths = (lengths + 1) // 2
        return h.mT


class Attention(nn.Module):
    """Two causal attentions; padding that stands in front sees no key that is not masked.

    Args:
        itself: whether each row sees itself at least.
    """

    def __init__(self, itself: bool = False, width: int = 16) -> None:
        super().__init__()
        self.itself = itself
        self.layers = nn.ModuleList(
            nn.MultiheadAttention(width, 4, batch_first=True) for _ in range(2)
        )

    def forward(self, x: Tensor, key_padding_mask: Tensor) -> Tensor:
        time = x.shape[1]
        hidden = torch.ones(time, time, dtype=torch.bool).triu(1) | key_padding_mask[:, None]
        if self.itself:
            hidden = hidden & ~torch.eye(time, dtype=torch.bool)
        for attend in self.layers:
            x = attend(x, x, x, attn_mask=hidden.repeat_interleave(4, 0))[0]
        return x


class Tagger(nn.Module):
    """An LSTM in both directions.

    Args:
        packed: whether each sequence ends where it ends.
    """

    def __init__(self, packed: bool = False, width: int = 16) -> None:
        super().__init__()
        self.packed = packed
        self.walk = nn.LSTM(width, 12, batch_first=True, bidirectional=True)
        self.out = nn.Linear(24, 5)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if not self.packed:
            return self.out(self.walk(x)[0])
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.out(pad_packed_sequence(self.walk(packed)[0], batch_first=True)[0])
