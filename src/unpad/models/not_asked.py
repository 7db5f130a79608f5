"""What Keras lets a model of one's own define or be set, and nothing here would look at."""

from __future__ import annotations

_BY_TRAIN_STEP = "Override train_step, which is called for every batch."
_BY_TEST_STEP = "Override test_step, which is called for every batch."
_BY_PREDICT_STEP = "Override predict_step, which is called for every batch."
_COMPILED = "It is what compile was given: compile again."
_STATE = "state_dict() and load_state_dict(state) of the model, and of model.optimizer, do it."
#: By name, the way out.
NOT_ASKED = {
    "compiled": _COMPILED,
    "get_quantization_layer_structure": "torch.ao.quantization works on any torch module.",
    "get_state_tree": _STATE,
    "loss": _COMPILED,
    "make_predict_function": _BY_PREDICT_STEP,
    "make_test_function": _BY_TEST_STEP,
    "make_train_function": _BY_TRAIN_STEP,
    "metrics_names": "They are the names of `metrics`.",
    "predict_function": _BY_PREDICT_STEP,
    "set_state_tree": _STATE,
    "stateless_compute_loss": "Override compute_loss, which is called for every batch.",
    "test_function": _BY_TEST_STEP,
    "train_function": _BY_TRAIN_STEP,
}
