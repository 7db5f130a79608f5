"""What mends a broken law, by the operator at which the answers part."""

from __future__ import annotations

_LAST = (
    "Take each sequence's own last step, not the grid's.",
    "last = h[torch.arange(len(h)), lengths - 1]",
)
_MEAN = (
    "Reduce over real steps only.",
    "mean = (h * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)",
)
_PACK = (
    "Pack the sequences, so that each ends where it ends.",
    "packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)\n"
    "y, _ = self.rnn(packed)\n"
    "y, _ = pad_packed_sequence(y, batch_first=True)",
)
_KEYS = (
    "Mask the keys that are padding.",
    "h = self.encoder(x, src_key_padding_mask=~mask)  # True is padding here",
)
_CONVOLUTION = (
    "Set padding to 0 before every convolution, not only the first.",
    "h = self.conv((h * mask[..., None]).transpose(1, 2))",
)
_NORMALISE = (
    "Normalise over features, or over real steps: not over the grid, nor over the batch.",
    "self.norm = nn.LayerNorm(width)  # for each step by itself",
)
_FLIP = (
    "Turn each sequence within its own length.",
    "x = torch.stack([torch.cat([s[:n].flip(0), s[n:]]) for s, n in zip(x, lengths)])",
)
_AXES = (
    "Say which axis is the batch.",
    "nn.LSTM(width, units, batch_first=True)",
)
_CAUSAL = (
    "Mask later steps, or walk forwards only.",
    "mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])",
)
_DROPOUT = (
    "Turn off what is drawn at random, or state that is kept from call to call.",
    "h = F.dropout(h, p, training=self.training)",
)
_BATCH = (
    "Let nothing be reduced over the batch; BatchNorm wants model.eval() when it is asked.",
    "model.eval()",
)
_OTHER = {
    "not repeatable": _DROPOUT,
    "order of the batch": _AXES,
    "batch mates": _BATCH,
    "future": _CAUSAL,
}
_UNKNOWN = (
    "Mask at this place what is padding; a model of unpad has none to mask.",
    "h = h * mask[..., None]",
)

# Parts of the names of operators and of layers, the first that fits.
_BY_CALL = (
    (("lstm", "gru", "rnn", "bidirectional"), _PACK),
    (("softmax", "attention", "encoder_layer", "_native_multi"), _KEYS),
    (("conv",), _CONVOLUTION),
    (("norm",), _NORMALISE),
    (("flip", "roll"), _FLIP),
    (("getitem", "select", "narrow", "index"), _LAST),
    (("mean", "sum", "max", "min", "pool", "median", "einsum", "std", "var"), _MEAN),
)


_IN_KERAS = {
    "padding": (
        "The mask is not there, or does not count here. Embedding(mask_zero=True) or Masking() "
        "makes it, and only layers that support it hand it on; or run the script on unpad, where "
        "none can be lost.",
        "import unpad as keras",
    ),
    "batch mates": (
        "Let nothing be reduced over the batch, and reset the states of stateful layers.",
        "model.reset_states()",
    ),
    "future": ("Walk forwards only.", "MultiHeadAttention(...)(h, h, use_causal_mask=True)"),
    "not repeatable": ("Dropout that is always on, or states that are kept.", "stateful=False"),
}
_IN_UNPAD = {
    "padding": (
        "Nothing tells these zeros from steps: open the array with a door, or give the sequences "
        "as a list.",
        "keras.layers.Embedding(n, width, mask_zero=True)",
    ),
    "future": _IN_KERAS["future"],
}


def cure_of(kind: str, call: str | None, words: str = "torch") -> tuple[str, str]:
    """What to do and what to write.

    Args:
        kind: of the finding.
        call: at which the answers part.
        words: "torch", "keras" or "unpad".
    """
    named = (call or "").lower()
    theirs = {"keras": _IN_KERAS, "unpad": _IN_UNPAD}.get(words, {})
    if kind in theirs:
        return theirs[kind]
    if kind in ("order of the batch", "batch mates"):
        recurrent = any(part in named for part in ("lstm", "gru", "rnn", "encoder", "attention"))
        if kind == "batch mates" and recurrent:
            return _AXES
        if "norm" in named:
            return _NORMALISE
    if kind in _OTHER:
        return _OTHER[kind]
    return next((cure for parts, cure in _BY_CALL if any(p in named for p in parts)), _UNKNOWN)
