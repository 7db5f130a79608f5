"""Every layer that `layers.py` compares, at the sizes of a small model; imported in its process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from torch import Tensor, nn

import unpad

BATCH, LENGTH, FEATURES, HEADS = 32, 32, 64, 4
IDS = 1000

#: What is no layer on sequences, and why.
LEFT_OUT = {
    **dict.fromkeys(
        ("Layer", "TokenWise", "Recurrent", "Spec", "Wrapper", "Pipeline", "InputLayer"),
        "what others are made of",
    ),
    **dict.fromkeys(
        ("LSTMCell", "GRUCell", "MGUCell", "SimpleRNNCell"), "one step of rows; see LSTM"
    ),
    "StackedRNNCells": "one step of rows; see RNN",
    **dict.fromkeys(("StringLookup", "TextVectorization"), "they take strings"),
    **dict.fromkeys(
        ("Discretization", "HashedCrossing", "Hashing", "IntegerLookup"),
        "nothing in them is trained",
    ),
    **dict.fromkeys(("Grid", "Varlen"), "they run a module of somebody's own"),
}


class Contest(NamedTuple):
    """A layer, and who has it.

    Args:
        make: the layer of a library, unpad or Keras.
        inputs: what it is called with: "steps", "ids", "rows", "matrices" (steps of 8 by 8),
            "narrow" (steps of 16 features).
        call: how, where `layer(*inputs)` is not how.
        keras: whether Keras has it.
        torch: torch's own layer for the padded batch, a function of (grid, True where a step is
            missing) and its parameters; None where there is none.
        random: draws in training, so that answers are compared out of training.
    """

    make: Callable[[Any], Any]
    inputs: tuple[str, ...] = ("steps",)
    call: Callable[[Any, list[Any]], Any] | None = None
    keras: bool = True
    torch: Callable[[], Callable[[Tensor, Tensor], Any]] | None = None
    random: bool = False


def plain(module: Callable[[], nn.Module]) -> Callable[[], Callable[[Tensor, Tensor], Any]]:
    """A module of torch's that knows no padding."""

    def made() -> Callable[[Tensor, Tensor], Any]:
        inner = module()
        return _with(inner, lambda grid, _: inner(grid))

    return made


def features_first(
    module: Callable[[], nn.Module],
) -> Callable[[], Callable[[Tensor, Tensor], Any]]:
    """A module of torch's that takes (batch, feature, time), and is given it."""

    def made() -> Callable[[Tensor, Tensor], Any]:
        inner = module()
        return _with(inner, lambda grid, _: inner(grid), turned=True)

    return made


def _with(module: nn.Module, function: Callable[..., Any], turned: bool = False) -> Any:
    """A function with its parameters, as an attribute; `turned` if it takes the features first."""
    function.parameters = list(module.parameters())  # type: ignore[attr-defined]
    function.turned = turned  # type: ignore[attr-defined]
    return function


def self_attention() -> Callable[[Tensor, Tensor], Any]:
    inner = nn.MultiheadAttention(FEATURES, HEADS, batch_first=True)
    return _with(inner, lambda x, no: inner(x, x, x, key_padding_mask=no, need_weights=False)[0])


def dot_attention() -> Callable[[Tensor, Tensor], Any]:
    def attend(x: Tensor, missing: Tensor) -> Tensor:
        return nn.functional.scaled_dot_product_attention(x, x, x, ~missing[:, None, :])

    return _with(nn.Identity(), attend)


def encoder() -> Callable[[Tensor, Tensor], Any]:
    inner = nn.TransformerEncoderLayer(FEATURES, HEADS, 2 * FEATURES, 0.0, batch_first=True)
    return _with(inner, lambda x, missing: inner(x, src_key_padding_mask=missing))


def recurrent(kind: Any, **options: Any) -> Callable[[], Callable[[Tensor, Tensor], Any]]:
    def made() -> Callable[[Tensor, Tensor], Any]:
        inner = kind(FEATURES, FEATURES, batch_first=True, **options)
        return _with(inner, lambda grid, _: inner(grid)[0])

    return made


def halved(x: Any) -> Any:
    """For Lambda."""
    return x * 0.5


def of_list(layer: Any, inputs: list[Any]) -> Any:
    return layer(inputs)


def on_itself(layer: Any, inputs: list[Any]) -> Any:
    return layer(inputs[0], inputs[0])


def list_on_itself(layer: Any, inputs: list[Any]) -> Any:
    return layer([inputs[0], inputs[0]])


def like_the_first(layer: Any, inputs: list[Any]) -> Any:
    return layer(inputs[1], like=inputs[0])


_TWO = ("steps", "steps")
_SEQUENCES = {"return_sequences": True}


def _merging(name: str) -> Contest:
    return Contest(lambda k: getattr(k.layers, name)(), _TWO, of_list)


def _conv(name: str, torch_s: Any, *first: int) -> Contest:
    return Contest(
        lambda k: getattr(k.layers, name)(*first, 3, padding="same"), torch=features_first(torch_s)
    )


CONTESTS: dict[str, Contest] = {
    # token by token
    "ActivityRegularization": Contest(lambda k: k.layers.ActivityRegularization(l2=0.01)),
    "Activation": Contest(lambda k: k.layers.Activation("tanh"), torch=plain(nn.Tanh)),
    "Dense": Contest(
        lambda k: k.layers.Dense(FEATURES), torch=plain(lambda: nn.Linear(FEATURES, FEATURES))
    ),
    "EinsumDense": Contest(
        lambda k: k.layers.EinsumDense("abc,cd->abd", (None, FEATURES), bias_axes="d"),
        torch=plain(lambda: nn.Linear(FEATURES, FEATURES)),
    ),
    "ELU": Contest(lambda k: k.layers.ELU(), torch=plain(nn.ELU)),
    "Embedding": Contest(
        lambda k: k.layers.Embedding(IDS, FEATURES, mask_zero=True), ("ids",),
        torch=plain(lambda: nn.Embedding(IDS, FEATURES, padding_idx=0)),
    ),
    "Identity": Contest(lambda k: k.layers.Identity(), torch=plain(nn.Identity)),
    "Lambda": Contest(lambda k: k.layers.Lambda(halved)),
    "LeakyReLU": Contest(lambda k: k.layers.LeakyReLU(), torch=plain(nn.LeakyReLU)),
    "Masking": Contest(lambda k: k.layers.Masking()),
    "PReLU": Contest(lambda k: k.layers.PReLU(shared_axes=[1])),
    "ReLU": Contest(lambda k: k.layers.ReLU(), torch=plain(nn.ReLU)),
    "Rescaling": Contest(lambda k: k.layers.Rescaling(0.5, 1.0)),
    "ReversibleEmbedding": Contest(
        lambda k: k.layers.ReversibleEmbedding(IDS, FEATURES, mask_zero=True), ("ids",)
    ),
    "Softmax": Contest(
        lambda k: k.layers.Activation("softmax") if k is keras else k.layers.Softmax(),
        torch=plain(lambda: nn.Softmax(-1)),
    ),
    "TimeDistributed": Contest(
        lambda k: k.layers.TimeDistributed(k.layers.Dense(FEATURES)),
        torch=plain(lambda: nn.Linear(FEATURES, FEATURES)),
    ),
    "TorchModule": Contest(
        lambda k: k.layers.TorchModule(nn.Linear(FEATURES, FEATURES)), keras=False,
        torch=plain(lambda: nn.Linear(FEATURES, FEATURES)),
    ),
    # noise
    "AlphaDropout": Contest(
        lambda k: k.layers.AlphaDropout(0.5), torch=plain(lambda: nn.AlphaDropout(0.5)), random=True
    ),
    "Dropout": Contest(
        lambda k: k.layers.Dropout(0.5), torch=plain(lambda: nn.Dropout(0.5)), random=True
    ),
    "GaussianDropout": Contest(lambda k: k.layers.GaussianDropout(0.5), random=True),
    "GaussianNoise": Contest(lambda k: k.layers.GaussianNoise(0.5), random=True),
    "SpatialDropout1D": Contest(
        lambda k: k.layers.SpatialDropout1D(0.5), random=True,
        torch=features_first(lambda: nn.Dropout1d(0.5)),
    ),
    # normalisation
    "BatchNormalization": Contest(
        lambda k: k.layers.BatchNormalization(),
        torch=features_first(lambda: nn.BatchNorm1d(FEATURES)),
    ),
    "GroupNormalization": Contest(
        lambda k: k.layers.GroupNormalization(8),
        torch=features_first(lambda: nn.GroupNorm(8, FEATURES)),
    ),
    "LayerNormalization": Contest(
        lambda k: k.layers.LayerNormalization(), torch=plain(lambda: nn.LayerNorm(FEATURES))
    ),
    "Normalization": Contest(
        lambda k: k.layers.Normalization(mean=[0.1] * FEATURES, variance=[2.0] * FEATURES)
    ),
    "RMSNormalization": Contest(
        lambda k: k.layers.RMSNormalization(), torch=plain(lambda: nn.RMSNorm(FEATURES))
    ),
    # Each training step moves the vector that it estimates with.
    "SpectralNormalization": Contest(
        lambda k: k.layers.SpectralNormalization(k.layers.Dense(FEATURES)), random=True
    ),
    "UnitNormalization": Contest(lambda k: k.layers.UnitNormalization()),
    # recurrent
    "Bidirectional": Contest(
        lambda k: k.layers.Bidirectional(k.layers.LSTM(FEATURES, **_SEQUENCES)),
        torch=recurrent(nn.LSTM, bidirectional=True),
    ),
    "GRU": Contest(lambda k: k.layers.GRU(FEATURES, **_SEQUENCES), torch=recurrent(nn.GRU)),
    "LSTM": Contest(lambda k: k.layers.LSTM(FEATURES, **_SEQUENCES), torch=recurrent(nn.LSTM)),
    "MGU": Contest(lambda k: k.layers.MGU(FEATURES, **_SEQUENCES), keras=False),
    "RNN": Contest(
        lambda k: k.layers.RNN(
            [k.layers.GRUCell(FEATURES), k.layers.GRUCell(FEATURES)], **_SEQUENCES
        ),
        torch=recurrent(nn.GRU, num_layers=2),
    ),
    "SimpleRNN": Contest(
        lambda k: k.layers.SimpleRNN(FEATURES, **_SEQUENCES), torch=recurrent(nn.RNN)
    ),
    # windows
    "AdaptiveAveragePooling1D": Contest(
        lambda k: k.layers.AdaptiveAveragePooling1D(4),
        torch=features_first(lambda: nn.AdaptiveAvgPool1d(4)),
    ),
    "AdaptiveMaxPooling1D": Contest(
        lambda k: k.layers.AdaptiveMaxPooling1D(4),
        torch=features_first(lambda: nn.AdaptiveMaxPool1d(4)),
    ),
    "AveragePooling1D": Contest(
        lambda k: k.layers.AveragePooling1D(2), torch=features_first(lambda: nn.AvgPool1d(2))
    ),
    "Conv1D": _conv("Conv1D", lambda: nn.Conv1d(FEATURES, FEATURES, 3, padding=1), FEATURES),
    "Conv1DTranspose": Contest(
        lambda k: k.layers.Conv1DTranspose(FEATURES, 2, 2),
        torch=features_first(lambda: nn.ConvTranspose1d(FEATURES, FEATURES, 2, 2)),
    ),
    "Cropping1D": Contest(lambda k: k.layers.Cropping1D(1)),
    "DepthwiseConv1D": _conv(
        "DepthwiseConv1D", lambda: nn.Conv1d(FEATURES, FEATURES, 3, padding=1, groups=FEATURES)
    ),
    "MaxPooling1D": Contest(
        lambda k: k.layers.MaxPooling1D(2), torch=features_first(lambda: nn.MaxPool1d(2))
    ),
    "SeparableConv1D": _conv(
        "SeparableConv1D",
        lambda: nn.Sequential(
            nn.Conv1d(FEATURES, FEATURES, 3, padding=1, groups=FEATURES),
            nn.Conv1d(FEATURES, FEATURES, 1),
        ),
        FEATURES,
    ),
    "UpSampling1D": Contest(
        lambda k: k.layers.UpSampling1D(2),
        torch=features_first(lambda: nn.Upsample(scale_factor=2)),
    ),
    "ZeroPadding1D": Contest(
        lambda k: k.layers.ZeroPadding1D(1), torch=features_first(lambda: nn.ZeroPad1d(1))
    ),
    # attention
    # A number for each pair of slots and feature: of 64 features Keras holds 13 GB at 95 %.
    "AdditiveAttention": Contest(
        lambda k: k.layers.AdditiveAttention(), ("narrow",), list_on_itself
    ),
    "Attention": Contest(
        lambda k: k.layers.Attention(), call=list_on_itself, torch=dot_attention
    ),
    "AttentionPooling1D": Contest(lambda k: k.layers.AttentionPooling1D(), keras=False),
    "GroupQueryAttention": Contest(
        lambda k: k.layers.GroupQueryAttention(FEATURES // HEADS, HEADS, 2), call=on_itself
    ),
    "MultiHeadAttention": Contest(
        lambda k: k.layers.MultiHeadAttention(HEADS, FEATURES // HEADS), call=on_itself,
        torch=self_attention,
    ),
    "TransformerDecoder": Contest(
        lambda k: k.layers.TransformerDecoder(2 * FEATURES, HEADS), keras=False
    ),
    "TransformerEncoder": Contest(
        lambda k: k.layers.TransformerEncoder(2 * FEATURES, HEADS), keras=False, torch=encoder
    ),
    # positions
    "PositionEmbedding": Contest(lambda k: k.layers.PositionEmbedding(LENGTH), keras=False),
    "RotaryEmbedding": Contest(lambda k: k.layers.RotaryEmbedding(), keras=False),
    "SinePositionEncoding": Contest(lambda k: k.layers.SinePositionEncoding(), keras=False),
    "TokenAndPositionEmbedding": Contest(
        lambda k: k.layers.TokenAndPositionEmbedding(IDS, LENGTH, FEATURES), ("ids",), keras=False
    ),
    # several inputs
    **{n: _merging(n) for n in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply")},
    "Dot": Contest(lambda k: k.layers.Dot(axes=1), _TWO, of_list),
    "Subtract": _merging("Subtract"),
    # reductions, and other shapes
    "CategoryEncoding": Contest(lambda k: k.layers.CategoryEncoding(IDS), ("ids",)),
    "CRF": Contest(lambda k: k.layers.CRF(decoding="marginals"), keras=False),
    "FirstStep": Contest(lambda k: k.layers.FirstStep(), keras=False),
    "Flatten": Contest(
        lambda k: k.layers.Flatten(**({} if k is keras else {"length": LENGTH})),
        torch=plain(nn.Flatten),
    ),
    "GlobalAveragePooling1D": Contest(lambda k: k.layers.GlobalAveragePooling1D()),
    "GlobalMaxPooling1D": Contest(lambda k: k.layers.GlobalMaxPooling1D()),
    "LastStep": Contest(lambda k: k.layers.LastStep(), keras=False),
    "Permute": Contest(lambda k: k.layers.Permute((1, 3, 2)), ("matrices",)),
    "RepeatVector": Contest(
        lambda k: k.layers.RepeatVector(like="input"), ("steps", "rows"), like_the_first,
        keras=False,
    ),
    "Reshape": Contest(lambda k: k.layers.Reshape((-1, 8, FEATURES // 8))),
}  # fmt: skip


def lacking() -> list[str]:
    """Layers of unpad's that stand neither among the contests nor among what is left out."""
    found = []
    for name in unpad.layers.__all__:
        layer = getattr(unpad.layers, name)
        if isinstance(layer, type) and issubclass(layer, unpad.Layer) and layer.__name__ == name:
            found.append(name)
    return sorted({*found} - {*CONTESTS} - {*LEFT_OUT})
