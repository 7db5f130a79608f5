"""What Keras 1 and 2 called layers and their arguments, and what they are called now.

Tables alone; `configuration` applies them. Sources: the argument names of Keras 1.2.2's layers, the
conversions of Keras 2's `legacy` interfaces, and `get_config` of Keras 2.0 to 2.15.
"""

from __future__ import annotations

from typing import Any

#: Classes that have another name now.
CLASSES = {
    "AtrousConvolution1D": "Conv1D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "GroupedQueryAttention": "GroupQueryAttention",
    "Model": "Functional",
    "ThresholdedReLU": "ReLU",
    "TimeDistributedDense": "Dense",
}

#: What every layer of Keras 1 called otherwise.
ARGUMENTS = {
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "atrous_rate": "dilation_rate",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "beta_init": "beta_initializer",
    "bias": "use_bias",
    "border_mode": "padding",
    "dropout_U": "recurrent_dropout",
    "dropout_W": "dropout",
    "filter_length": "kernel_size",
    "gamma_init": "gamma_initializer",
    "init": "kernel_initializer",
    "inner_activation": "recurrent_activation",
    "inner_init": "recurrent_initializer",
    "nb_filter": "filters",
    "output_dim": "units",
    "p": "rate",
    "pool_length": "pool_size",
    "sigma": "stddev",
    "stride": "strides",
    "subsample_length": "strides",
}

_EMBEDDING = {
    "W_constraint": "embeddings_constraint",
    "W_regularizer": "embeddings_regularizer",
    "init": "embeddings_initializer",
    "input_dim": "input_dim",
    "output_dim": "output_dim",
}
#: What single classes called otherwise; it goes before what all did.
OF_CLASS: dict[str, dict[str, str]] = {
    "Embedding": _EMBEDDING,
    "LeakyReLU": {"alpha": "negative_slope"},
    "PReLU": {"init": "alpha_initializer"},
    "ThresholdedReLU": {"theta": "threshold"},
    "UpSampling1D": {"length": "size"},
}

#: Arguments that said how fast to go, or what the layer before says, by the values that they may
#: have: any, where it is None.
GONE: dict[str, tuple[Any, ...] | None] = {
    "batch_input_shape": None,
    "causal": (False,),
    "consume_less": None,
    "fused": None,
    "implementation": None,
    "input_dim": None,
    "input_dtype": None,
    "input_length": None,
    "mode": (0,),
    "num_constants": (None,),
    "renorm": (False,),
    "time_major": (False,),
    "virtual_batch_size": (None,),
}
#: The same of single classes.
GONE_OF_CLASS: dict[str, dict[str, tuple[Any, ...] | None]] = {
    "Embedding": {"dropout": (0, 0.0, None), "sparse": (False,)},
    "InputLayer": {"ragged": (False, True)},
}

#: What Keras 1's Merge did, by its mode.
MERGES = {
    "ave": "Average", "concat": "Concatenate", "cos": "Dot", "dot": "Dot", "max": "Maximum",
    "mul": "Multiply", "sum": "Add",
}  # fmt: skip

#: TensorFlow's functions that stand in a graph as layers, by what they are here.
FUNCTIONS = {
    **{f"math.{name}": f"operator.{ours}" for name, ours in {
        "abs": "abs", "add": "add", "divide": "truediv", "greater": "gt", "greater_equal": "ge",
        "less": "lt", "less_equal": "le", "multiply": "mul", "negative": "neg", "pow": "pow",
        "subtract": "sub", "truediv": "truediv",
    }.items()},
    "__operators__.add": "operator.add",
    **{f"math.{name}": f"ops.{name}" for name in (
        "ceil", "cos", "erf", "exp", "floor", "log", "log1p", "maximum", "minimum", "rsqrt",
        "sigmoid", "sign", "sin", "sqrt", "square", "tanh",
    )},
    **{f"nn.{name}": f"ops.{name}" for name in (
        "elu", "gelu", "leaky_relu", "relu", "relu6", "selu", "sigmoid", "silu", "softmax",
        "softplus", "softsign", "tanh",
    )},
}  # fmt: skip
