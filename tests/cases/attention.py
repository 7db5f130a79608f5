"""Attention, positions, transformer blocks, and what reduces a sequence to one of its steps."""

from typing import Any

from .case import Case

_QUERY_VALUE: tuple[tuple[str, Any], ...] = (("steps", (3,)), ("other", (3,)))
_SELF = (("steps", (4,)),)
_HUB = "Keras has it in keras_hub only; the formula is tested in tests/layers/test_attention.py"
_OWN = "Keras has none"
_BLOCK = "keras_hub's, composed of Keras's own layers in tests/keras/test_attention.py"


def on_itself(layer, inputs):
    """A sequence that looks at itself."""
    return layer(inputs[0], inputs[0])


def on_its_past(layer, inputs):
    """A sequence that looks at itself up to each step."""
    return layer(inputs[0], inputs[0], use_causal_mask=True)


def causal(layer, inputs):
    """Two sequences, looked at up to the query's own position."""
    return layer(*inputs, use_causal_mask=True)


def causal_of_list(layer, inputs):
    """The same of a layer that takes a list."""
    return layer(inputs, use_causal_mask=True)


def _heads(name: str, call: Any = None, inputs: Any = _QUERY_VALUE, **options: Any) -> Case:
    return Case(
        f"MultiHeadAttention {name}", lambda k: k.layers.MultiHeadAttention(2, 3, **options),
        inputs, call,
    )  # fmt: skip


def _groups(name: str, call: Any = None, inputs: Any = _QUERY_VALUE, **options: Any) -> Case:
    return Case(
        f"GroupQueryAttention {name}", lambda k: k.layers.GroupQueryAttention(3, 4, 2, **options),
        inputs, call,
    )  # fmt: skip


CASES = [
    Case("Attention", lambda k: k.layers.Attention(), _QUERY_VALUE),
    Case("Attention scaled", lambda k: k.layers.Attention(use_scale=True), _QUERY_VALUE),
    Case(
        "Attention of a key", lambda k: k.layers.Attention(),
        (("steps", (3,)), ("other", (2,)), ("other", (3,))),
    ),
    Case("Attention causal", lambda k: k.layers.Attention(), _QUERY_VALUE, causal_of_list),
    Case("Attention concat", lambda k: k.layers.Attention(score_mode="concat"), _QUERY_VALUE),
    Case(
        "Attention concat, scaled, causal",
        lambda k: k.layers.Attention(use_scale=True, score_mode="concat"),
        _QUERY_VALUE, causal_of_list,
    ),
    Case("Attention dropout", lambda k: k.layers.Attention(dropout=0.5, seed=1), _QUERY_VALUE),
    Case("AdditiveAttention", lambda k: k.layers.AdditiveAttention(), _QUERY_VALUE),
    Case(
        "AdditiveAttention unscaled", lambda k: k.layers.AdditiveAttention(use_scale=False),
        (("steps", (3,)), ("other", (2,)), ("other", (3,))),
    ),
    Case(
        "AdditiveAttention causal", lambda k: k.layers.AdditiveAttention(),
        _QUERY_VALUE, causal_of_list,
    ),
    _heads("across"),
    _heads("on itself", on_itself, _SELF),
    _heads("causal", on_its_past, _SELF),
    _heads("causal, across", causal),
    _heads("of a key", None, (("steps", (3,)), ("other", (2,)), ("other", (4,)))),
    _heads("value_dim, output_shape", None, value_dim=2, output_shape=5),
    _heads("output_shape of two axes", None, output_shape=(2, 4)),
    _heads("without bias", on_itself, _SELF, use_bias=False),
    _heads("gate", on_itself, _SELF, use_gate=True),
    _heads("window", on_itself, _SELF, sliding_window=2),
    _heads("window, causal", on_its_past, _SELF, sliding_window=2),
    _heads("dropout", on_itself, _SELF, dropout=0.5),
    _groups("across"),
    _groups("causal", on_its_past, _SELF),
    _groups("gate, window", on_itself, _SELF, use_gate=True, sliding_window=2),
    _groups("without bias, dropout", on_itself, _SELF, use_bias=False, dropout=0.5),
    Case(
        "PositionEmbedding", lambda k: k.layers.PositionEmbedding(9), keras=None, why=_HUB
    ),
    Case("SinePositionEncoding", lambda k: k.layers.SinePositionEncoding(), keras=None, why=_HUB),
    Case(
        "SinePositionEncoding of 4 features", lambda k: k.layers.SinePositionEncoding(100), _SELF,
        keras=None, why=_HUB,
    ),
    Case("RotaryEmbedding", lambda k: k.layers.RotaryEmbedding(), _SELF, keras=None, why=_HUB),
    Case(
        "RotaryEmbedding of heads", lambda k: k.layers.RotaryEmbedding(100, 2.0),
        (("steps", (2, 4)),), keras=None, why=_HUB,
    ),
    Case(
        "TokenAndPositionEmbedding", lambda k: k.layers.TokenAndPositionEmbedding(9, 9, 4),
        (("ids", 9),), keras=None, why=_HUB,
    ),
    Case(
        "TokenAndPositionEmbedding mask_zero",
        lambda k: k.layers.TokenAndPositionEmbedding(9, 9, 4, mask_zero=True),
        (("ids", 9),), keras=None, why=_HUB,
    ),
    Case(
        "TransformerEncoder", lambda k: k.layers.TransformerEncoder(5, 2), _SELF,
        keras=None, why=_BLOCK,
    ),
    Case(
        "TransformerEncoder normalize_first",
        lambda k: k.layers.TransformerEncoder(5, 2, 0.1, "gelu", normalize_first=True), _SELF,
        keras=None, why=_BLOCK,
    ),
    Case(
        "TransformerDecoder", lambda k: k.layers.TransformerDecoder(5, 2), _SELF,
        keras=None, why=_BLOCK,
    ),
    Case(
        "TransformerDecoder across", lambda k: k.layers.TransformerDecoder(5, 2),
        (("steps", (4,)), ("other", (3,))), keras=None, why=_BLOCK,
    ),
    Case(
        "TransformerDecoder across, normalize_first",
        lambda k: k.layers.TransformerDecoder(5, 2, 0.1, normalize_first=True),
        (("steps", (4,)), ("other", (4,))), keras=None, why=_BLOCK,
    ),
    Case(
        "AttentionPooling1D", lambda k: k.layers.AttentionPooling1D(), keras=None, why=_OWN
    ),
    Case(
        "AttentionPooling1D of 5 units", lambda k: k.layers.AttentionPooling1D(5, use_bias=False),
        keras=None, why=_OWN,
    ),
    Case("FirstStep", lambda k: k.layers.FirstStep(), keras=None, why=_OWN),
    Case("LastStep", lambda k: k.layers.LastStep(), keras=None, why=_OWN),
    Case("LastStep of a matrix a step", lambda k: k.layers.LastStep(), (("steps", (2, 3)),),
         keras=None, why=_OWN),
]  # fmt: skip
