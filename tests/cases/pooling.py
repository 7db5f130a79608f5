"""Pooling over windows, and over each sequence."""

from .case import Case

_TABLE = {
    "": {},
    "same": {"padding": "same"},
    "of 3, stride 1": {"pool_size": 3, "strides": 1},
    "of 3, stride 1, same": {"pool_size": 3, "strides": 1, "padding": "same"},
    "of 2, stride 3": {"pool_size": (2,), "strides": (3,)},
    "of 2, stride 3, same": {"pool_size": 2, "strides": 3, "padding": "same"},
    "of 1": {"pool_size": 1},
}
# Where padding is uneven by more than one slot, Keras on torch repeats the end's step for what is
# missing, and counts it twice: tests/keras/test_convolution.py pins both numbers.
_UNEVEN = {
    "of 4, stride 1, same": {"pool_size": 4, "strides": 1, "padding": "same"},
    "of 3, stride 2, same": {"pool_size": 3, "strides": 2, "padding": "same"},
}


def _family(name: str, table: dict[str, dict], **more) -> list[Case]:
    def case(words: str, options: dict) -> Case:
        options = {"pool_size": 2, **options}
        size = options["pool_size"]
        size = size[0] if isinstance(size, tuple) else size
        return Case(
            f"{name} {words}".strip(), lambda k: getattr(k.layers, name)(**options),
            shortest=1 if options.get("padding") == "same" else size, **more,
        )  # fmt: skip

    return [case(words, options) for words, options in table.items()]


CASES = [
    *_family("MaxPooling1D", _TABLE | _UNEVEN),
    *_family("AveragePooling1D", _TABLE),
    *_family(
        "AveragePooling1D", _UNEVEN, keras=None,
        why="Keras on torch counts the last step twice where the padding is uneven; on TensorFlow "
        "and JAX it counts each step once, as here",
    ),
    Case("MaxPooling1D by default", lambda k: k.layers.MaxPooling1D(), shortest=2),
    Case("MaxPool1D", lambda k: k.layers.MaxPool1D(), shortest=2),
    Case("AvgPool1D", lambda k: k.layers.AvgPool1D(2), shortest=2),
    Case("GlobalMaxPooling1D", lambda k: k.layers.GlobalMaxPooling1D()),
    Case("GlobalMaxPooling1D keepdims", lambda k: k.layers.GlobalMaxPooling1D(keepdims=True)),
    Case("GlobalMaxPool1D", lambda k: k.layers.GlobalMaxPool1D("channels_last")),
    Case("GlobalAveragePooling1D", lambda k: k.layers.GlobalAveragePooling1D()),
    Case(
        "GlobalAveragePooling1D keepdims", lambda k: k.layers.GlobalAveragePooling1D(keepdims=True)
    ),
    Case("GlobalAvgPool1D", lambda k: k.layers.GlobalAvgPool1D("channels_last")),
    Case("AdaptiveAveragePooling1D", lambda k: k.layers.AdaptiveAveragePooling1D(2)),
    Case("AdaptiveMaxPooling1D", lambda k: k.layers.AdaptiveMaxPooling1D(2)),
    Case("AdaptiveMaxPooling1D of 4", lambda k: k.layers.AdaptiveMaxPooling1D(4)),
]  # fmt: skip
