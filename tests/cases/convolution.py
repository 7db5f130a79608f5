"""Convolutions, and what adds or takes off steps without weights."""

from .case import Case

_CONV1D = {
    "": {},
    "same": {"padding": "same"},
    "same, even size": {"padding": "same", "kernel_size": 4},
    "same, stride 2": {"padding": "same", "strides": 2},
    "same, stride 3, size 2": {"padding": "same", "strides": 3, "kernel_size": 2},
    "same, stride 2, size 4": {"padding": "same", "strides": 2, "kernel_size": 4},
    "same, dilation 2": {"padding": "same", "dilation_rate": 2},
    "causal": {"padding": "causal"},
    "causal, dilation 2": {"padding": "causal", "dilation_rate": 2, "kernel_size": 2},
    "causal, stride 2": {"padding": "causal", "strides": 2},
    "stride 2": {"strides": 2, "kernel_size": 2},
    "stride beyond the window": {"strides": 3, "kernel_size": 1},
    "dilation 2": {"dilation_rate": 2, "kernel_size": 2},
    "size 1": {"kernel_size": 1},
    "size 1, same": {"kernel_size": 1, "padding": "same"},
    "softmax": {"padding": "same", "activation": "softmax"},
    "without bias": {"padding": "same", "use_bias": False, "activation": "relu"},
    "sizes as tuples": {"kernel_size": (2,), "strides": (1,), "dilation_rate": (2,)},
    "features last": {"data_format": "channels_last", "padding": "SAME"},
}
_DEPTHWISE = {
    "": {},
    "same, depth 2": {"padding": "same", "depth_multiplier": 2},
    "same, stride 2": {"padding": "same", "strides": 2},
    "same, dilation 2, relu": {"padding": "same", "dilation_rate": 2, "activation": "relu"},
    "without bias, stride 2": {"strides": 2, "kernel_size": 2, "use_bias": False},
    "size 1": {"kernel_size": 1},
}
_TRANSPOSE = {
    "": {},
    "stride 2": {"strides": 2},
    "stride 3, size 2": {"strides": 3, "kernel_size": 2},
    "dilation 2": {"dilation_rate": 2},
    "output_padding": {"strides": 2, "output_padding": 1},
    "same": {"padding": "same"},
    "same, even size": {"padding": "same", "kernel_size": 4},
    "same, dilation 2, relu": {"padding": "same", "dilation_rate": 2, "activation": "relu"},
    "same, stride 2": {"padding": "same", "strides": 2},
    "same, stride 2, size 4": {"padding": "same", "strides": 2, "kernel_size": 4},
    "same, stride 4, size 2": {"padding": "same", "strides": 4, "kernel_size": 2},
    "same, output_padding 0": {"padding": "same", "strides": 2, "output_padding": 0},
    "same, output_padding 1": {"padding": "same", "strides": 2, "output_padding": 1},
    "same, output_padding 0, size 4": {
        "padding": "same", "strides": 2, "output_padding": 0, "kernel_size": 4,
    },
    "same, output_padding 2, size 2": {
        "padding": "same", "strides": 3, "output_padding": 2, "kernel_size": 2,
    },
    "same, output_padding, size 5": {
        "padding": "same", "strides": 3, "output_padding": 2, "kernel_size": 5,
    },
    "size 1, without bias": {"kernel_size": 1, "use_bias": False},
}  # fmt: skip


def _shortest(options: dict) -> int:
    """The steps that Keras needs: it fails where a sequence has no window."""
    if str(options.get("padding", "valid")).lower() != "valid":
        return 1
    size, dilation = options.get("kernel_size", 3), options.get("dilation_rate", 1)
    size, dilation = (n[0] if isinstance(n, tuple) else n for n in (size, dilation))
    return (size - 1) * dilation + 1


def _family(name: str, table: dict[str, dict], *first: int, shortest=_shortest) -> list[Case]:
    def case(words: str, options: dict) -> Case:
        options = {"kernel_size": 3, **options}
        return Case(
            f"{name} {words}".strip(), lambda k: getattr(k.layers, name)(*first, **options),
            shortest=shortest(options),
        )  # fmt: skip

    return [case(words, options) for words, options in table.items()]


CASES = [
    *_family("Conv1D", _CONV1D, 4),
    Case(
        "Conv1D groups", lambda k: k.layers.Conv1D(4, 3, padding="same", groups=2),
        (("steps", (6,)),),
    ),
    Case(
        "Conv1D groups, stride 2", lambda k: k.layers.Conv1D(6, 2, strides=2, groups=3),
        (("steps", (3,)),), shortest=2,
    ),
    Case("Convolution1D", lambda k: k.layers.Convolution1D(2, 2, padding="same")),
    *_family("DepthwiseConv1D", _DEPTHWISE),
    *_family("SeparableConv1D", _DEPTHWISE, 4),
    Case("SeparableConvolution1D", lambda k: k.layers.SeparableConvolution1D(2, 2), shortest=2),
    *_family("Conv1DTranspose", _TRANSPOSE, 4, shortest=lambda options: 1),
    Case("Convolution1DTranspose", lambda k: k.layers.Convolution1DTranspose(2, 2)),
    Case("UpSampling1D", lambda k: k.layers.UpSampling1D()),
    Case("UpSampling1D of 3", lambda k: k.layers.UpSampling1D(3)),
    Case("UpSampling1D of 1", lambda k: k.layers.UpSampling1D(1)),
    Case("ZeroPadding1D", lambda k: k.layers.ZeroPadding1D(), shortest=0),
    Case("ZeroPadding1D at the start", lambda k: k.layers.ZeroPadding1D((2, 0)), shortest=0),
    Case("ZeroPadding1D of 0", lambda k: k.layers.ZeroPadding1D(0)),
    Case("Cropping1D", lambda k: k.layers.Cropping1D(), shortest=3),
    Case("Cropping1D at the end", lambda k: k.layers.Cropping1D((0, 2)), shortest=3),
    Case("Cropping1D of 0", lambda k: k.layers.Cropping1D(0)),
]  # fmt: skip
