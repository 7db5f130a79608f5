"""PyTorch modules, sound and faulty, with the call at which the faulty ones part."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class Parts(nn.Module):
    """What the modules below are made of."""

    def __init__(self, batch_first=True):
        super().__init__()
        self.embed = nn.Embedding(50, 16, padding_idx=0)
        self.walk = nn.LSTM(16, 12, batch_first=batch_first, bidirectional=True)
        self.forwards = nn.GRU(16, 24, batch_first=batch_first)
        self.conv = nn.Conv1d(16, 24, 3, padding=1)
        self.again = nn.Conv1d(24, 24, 3, padding=1)
        self.groups = nn.GroupNorm(4, 24)
        self.batches = nn.BatchNorm1d(24, track_running_stats=False)
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.narrow = nn.Linear(16, 3)
        self.out = nn.Linear(24, 3)


def packed(x, lengths):
    return pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)


class Packed(Parts):
    def forward(self, x, lengths):
        y, _ = self.walk(packed(self.embed(x), lengths))
        return self.out(pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0])


class PackedLast(Parts):
    def forward(self, x, lens):
        _, (h, _) = self.walk(packed(self.embed(x), lens))
        return self.out(torch.cat([h[0], h[1]], -1))


class PackedSorted(Parts):
    def forward(self, x, seq_lens):
        y, _ = self.walk(pack_padded_sequence(self.embed(x), seq_lens, batch_first=True))
        return self.out(pad_packed_sequence(y, batch_first=True)[0])


class TakesPacked(Parts):
    def forward(self, x: PackedSequence):
        inside = x._replace(data=self.embed(x.data))
        return self.walk(inside)[0]


class OnlyPacked(Parts):
    def forward(self, x):
        return self.walk(x._replace(data=self.embed(x.data)))[0]


class ForwardsOnly(Parts):
    def forward(self, x):
        return self.out(self.forwards(self.embed(x))[0])


class OwnLast(Parts):
    def forward(self, x, lengths):
        y, _ = self.forwards(self.embed(x))
        return self.out(y[torch.arange(len(y)), lengths - 1])


class MaskedMean(Parts):
    def forward(self, x, mask):
        weights = mask[..., None].to(torch.float32)
        return self.narrow((self.embed(x) * weights).sum(1) / weights.sum(1))


class LongMask(Parts):
    def forward(self, input_ids, attention_mask=None):
        scores = (1 - attention_mask)[:, None, None] * -1e9
        h = self.embed(input_ids)
        parts = h.unflatten(-1, (4, 4)).transpose(1, 2)
        found = torch.softmax(parts @ parts.mT + scores, -1) @ parts
        return {"last_hidden_state": self.narrow(found.transpose(1, 2).flatten(2))}


class KeyPadding(Parts):
    def forward(self, x, padding_mask):
        return self.narrow(self.encoder(self.embed(x), src_key_padding_mask=padding_mask))


class KeyPaddingTurned(Parts):
    def forward(self, x, padding_mask):
        """True at real steps, whatever the name says."""
        return self.narrow(self.encoder(self.embed(x), src_key_padding_mask=~padding_mask))


class MaskIsPadding(Parts):
    def forward(self, x, mask):
        """True at padding, whatever the name says."""
        return self.narrow(self.encoder(self.embed(x), src_key_padding_mask=mask))


class MaskedConvolutions(Parts):
    def forward(self, x, mask):
        m = mask[:, None].to(torch.float32)
        h = F.relu(self.conv(self.embed(x).transpose(1, 2) * m)) * m
        return self.out(self.again(h).transpose(1, 2))


class ShareOfLength(Parts):
    def forward(self, x, wav_lens):
        lengths = (wav_lens * x.shape[1]).round().long()
        y, _ = self.walk(packed(self.embed(x), lengths))
        return self.out(pad_packed_sequence(y, batch_first=True)[0])


SOUND = [Packed, PackedLast, PackedSorted, TakesPacked, OnlyPacked, ForwardsOnly, OwnLast]
SOUND += [MaskedMean, LongMask, KeyPadding, KeyPaddingTurned, MaskIsPadding, MaskedConvolutions]
SOUND += [ShareOfLength]


class LastSlot(Parts):
    def forward(self, x):
        y, _ = self.forwards(self.embed(x))
        return self.out(y[:, -1])


class Mean(Parts):
    def forward(self, x):
        return self.narrow(self.embed(x).mean(1))


class Unpacked(Parts):
    def forward(self, x):
        y, _ = self.walk(self.embed(x))
        return self.out(y)


class NoKeyMask(Parts):
    def forward(self, x):
        return self.narrow(self.encoder(self.embed(x)))


class Groups(Parts):
    def forward(self, x):
        h = self.conv(self.embed(x).transpose(1, 2))
        return self.out(self.groups(h).transpose(1, 2))


class Convolutions(Parts):
    def forward(self, x):
        h = F.relu(self.conv(self.embed(x).transpose(1, 2)))
        return self.out(self.again(h).transpose(1, 2))


class ForgetsLengths(Parts):
    def forward(self, x, lengths):
        y, _ = self.walk(self.embed(x))
        return self.out(y)


class Flipped(Parts):
    def forward(self, x):
        y, _ = self.forwards(self.embed(x).flip(1))
        return self.out(y.flip(1))


class Centred(Parts):
    def forward(self, x):
        h = self.embed(x)
        return self.narrow(h - h.mean(0))


class BatchStatistics(Parts):
    def forward(self, x):
        h = self.conv(self.embed(x).transpose(1, 2))
        return self.out(self.batches(h).transpose(1, 2))


class BatchSecond(Parts):
    def __init__(self):
        super().__init__(batch_first=False)

    def forward(self, x):
        return self.out(self.forwards(self.embed(x))[0])


class PlaceInBatch(Parts):
    def forward(self, x):
        h = self.narrow(self.embed(x))
        return h + torch.arange(len(h))[:, None, None]


class OrderLost(Parts):
    def forward(self, x):
        """Without x's sorted_indices the outputs come in another order than the inputs."""
        return self.walk(PackedSequence(self.embed(x.data), x.batch_sizes))[0]


class AlwaysDropout(Parts):
    def forward(self, x):
        return self.narrow(F.dropout(self.embed(x), 0.3))


class SoftmaxOverTime(Parts):
    def forward(self, x):
        return torch.softmax(self.narrow(self.embed(x)), 1)


class OneUnit(Parts):
    def forward(self, x):
        y, _ = self.forwards(self.embed(x))
        return torch.softmax(y.mean(1)[:, :1], -1)


class FullyMasked(Parts):
    def forward(self, x):
        h = self.embed(x)
        hidden = torch.ones(x.shape, dtype=torch.bool)
        return self.narrow(self.encoder(h, src_key_padding_mask=hidden))


#: module, kind of the root, the call at which answers part, a part of its line
FAULTY = [
    (LastSlot, "padding", "__getitem__", "y[:, -1]"),
    (Mean, "padding", "mean", "mean(1)"),
    (Unpacked, "padding", "lstm", "self.walk"),
    (NoKeyMask, "padding", "multi_head_attention_forward", "self.encoder"),
    (Groups, "padding", "group_norm", "self.groups"),
    (Convolutions, "padding", "conv1d", "self.again"),
    (ForgetsLengths, "padding", "lstm", "self.walk"),
    (Flipped, "padding", "flip", "flip(1)"),
    (Centred, "batch mates", "sub", "h - h.mean(0)"),
    (BatchStatistics, "batch mates", "batch_norm", "self.batches"),
    (BatchSecond, "batch mates", "gru", "self.forwards"),
    (PlaceInBatch, "order of the batch", "add", "torch.arange"),
    (OrderLost, "order of the batch", None, None),
    (AlwaysDropout, "not repeatable", "dropout", "F.dropout"),
    (SoftmaxOverTime, "softmax axis", None, None),
    (OneUnit, "constant", None, None),
    (FullyMasked, "not finite", None, None),
]
