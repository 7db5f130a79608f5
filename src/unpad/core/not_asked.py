"""What Keras lets a layer of one's own define or be set, and nothing here would look at."""

from __future__ import annotations

_WEIGHTS = (
    "Weights are found where they are held: set them as attributes; `trainable`, or a weight's "
    "requires_grad, says which are trained."
)
_QUANTIZED = "torch.ao.quantization works on a layer, as on any torch module."
_BUILT = "A layer is built from its inputs' specs: build(self, spec)."
_SPECS = "Say what comes out, or raise a ValueError, in output_spec(self, spec)."
_TYPES = "Give the constructor dtype=, or use torch.autocast."
_METRICS = "Give it to compile(metrics=[...]), or hold it as an attribute of a model."
_GRAPH = "It is the symbol of a graph that the layer was drawn into."

#: By name, the way out.
NOT_ASKED = {
    "add_metric": _METRICS,
    "autocast": "Inputs take the type of the layer's weights; cast them back in `call`.",
    "build_from_config": _BUILT,
    "call_signature_parameters": "It is read off `call`.",
    "compute_dtype": _TYPES,
    "compute_output_spec": _SPECS,
    "get_build_config": _BUILT,
    "input": _GRAPH,
    "input_dtype": _TYPES,
    "input_spec": _SPECS,
    "losses": "Add to them by add_loss(number) in `call`, or by a regularizer of a weight.",
    "metrics": _METRICS,
    "metrics_variables": _METRICS,
    "non_trainable_variables": _WEIGHTS,
    "non_trainable_weights": _WEIGHTS,
    "output": _GRAPH,
    "path": "A weight has a path: the layer's name and its own.",
    "quantization_mode": _QUANTIZED,
    "quantize": _QUANTIZED,
    "quantized_build": _QUANTIZED,
    "quantized_call": _QUANTIZED,
    "rematerialized_call": "Use torch.utils.checkpoint.checkpoint in `call`.",
    "stateless_call": "torch.func.functional_call(layer, weights, inputs) does it.",
    "supports_jit": "torch.compiler.disable keeps a function out of torch.compile.",
    "symbolic_call": _SPECS,
    "torch_params": _WEIGHTS,
    "trainable_variables": _WEIGHTS,
    "trainable_weights": _WEIGHTS,
    "variable_dtype": _TYPES,
    "variables": _WEIGHTS,
    "weights": _WEIGHTS,
}
