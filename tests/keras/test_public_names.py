"""Every name that Keras's base classes let a person define or set is obeyed here, or refused.

The walk is over the classes of the real Keras. A name that unpad obeys has a program that shows it;
every other name is in the base class's own table, and is refused where it is written.
"""

from functools import cache, partial

import keras
import public_layers as layers
import public_programs as programs
import pytest
import torch

import unpad


def compiled(library):
    model = library.Sequential([library.Input((2,)), library.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


#: Keras's classes, by the name of the class; an object of each shows what is set in constructors.
KERAS = {
    "Layer": (keras.layers.Layer, keras.layers.Layer),
    "Model": (keras.Model, lambda: compiled(keras)),
    "Callback": (keras.callbacks.Callback, keras.callbacks.Callback),
    "Loss": (keras.losses.Loss, keras.losses.Loss),
    "Metric": (keras.metrics.Metric, keras.metrics.Metric),
    "Optimizer": (keras.optimizers.Optimizer, lambda: keras.optimizers.Optimizer(0.1)),
    "Initializer": (keras.initializers.Initializer, keras.initializers.Initializer),
    "Constraint": (keras.constraints.Constraint, keras.constraints.Constraint),
    "Regularizer": (keras.regularizers.Regularizer, keras.regularizers.Regularizer),
}

#: unpad's, and an object of each.
OURS = {
    "Layer": (unpad.layers.Layer, lambda: unpad.layers.Dense(1)),
    "Model": (unpad.Model, lambda: compiled(unpad)),
    "Callback": (unpad.callbacks.Callback, unpad.callbacks.Callback),
    "Loss": (unpad.losses.Loss, unpad.losses.MeanSquaredError),
    "Metric": (unpad.metrics.Metric, unpad.metrics.Mean),
    "Optimizer": (unpad.optimizers.Optimizer, unpad.optimizers.SGD),
    "Initializer": (unpad.initializers.Initializer, unpad.initializers.Zeros),
    "Constraint": (unpad.constraints.Constraint, unpad.constraints.NonNeg),
    "Regularizer": (unpad.regularizers.Regularizer, unpad.regularizers.L2),
}

#: What shows that a name is obeyed.
OBEYED = {
    "Layer": {
        "__call__": partial(layers.method, "Layer", "__call__"),
        "activity_regularizer": layers.layer_activity_regularizer,
        "add_loss": layers.layer_add_loss,
        "add_variable": layers.layer_add_variable,
        "add_weight": layers.layer_of_ones_own,
        "build": layers.layer_build,
        "built": layers.layer_of_ones_own,
        "call": layers.layer_of_ones_own,
        "compute_mask": layers.layer_masks,
        "compute_output_shape": layers.layer_output_shape,
        "count_params": partial(layers.method, "Layer", "count_params"),
        "dtype": layers.layer_dtype,
        "from_config": layers.layer_config,
        "get_config": layers.layer_config,
        "get_weights": partial(layers.method, "Layer", "get_weights"),
        "load_own_variables": layers.layer_stores,
        "save_own_variables": layers.layer_stores,
        "name": layers.layer_name,
        "set_weights": partial(layers.method, "Layer", "set_weights"),
        "dtype_policy": layers.layer_dtype_policy,
        "supports_masking": layers.layer_supports_masking,
        "trainable": layers.layer_trainable,
    },
    "Model": {
        "call": layers.model_call,
        "compile": layers.model_compile,
        "compute_loss": layers.model_compile,
        "compute_metrics": layers.model_compute_metrics,
        "get_metrics_result": layers.model_metrics_result,
        "layers": layers.model_layers,
        "metrics": layers.model_metrics,
        "optimizer": layers.model_optimizer,
        "predict_step": layers.model_steps,
        "reset_metrics": layers.model_metrics,
        "jit_compile": layers.model_ways,
        "run_eagerly": layers.model_ways,
        "steps_per_execution": layers.model_ways,
        "stop_training": layers.model_stop_training,
        "test_step": layers.model_steps,
        "train_step": layers.model_steps,
        **{
            name: partial(layers.method, "Model", name)
            for name in (
                "compile_from_config",
                "evaluate",
                "export",
                "fit",
                "get_compile_config",
                "get_layer",
                "load_weights",
                "predict",
                "predict_on_batch",
                "save",
                "save_weights",
                "summary",
                "test_on_batch",
                "to_json",
                "train_on_batch",
            )
        },
    },
    "Callback": {
        **{name: partial(layers.hook, name) for name in layers.HOOKS},
        "model": layers.callback_params,
        "params": layers.callback_params,
        "set_model": layers.callback_params,
        "set_params": layers.callback_params,
    },
    "Loss": {
        "call": programs.loss_of_ones_own,
        "dtype": programs.loss_dtype,
        "from_config": programs.loss_config,
        "get_config": programs.loss_config,
        "name": programs.loss_name,
        "reduction": programs.loss_reduction,
    },
    "Metric": {
        "__call__": programs.metric_called,
        "add_variable": programs.metric_of_states,
        "add_weight": programs.metric_of_states,
        "dtype": programs.metric_dtype,
        "from_config": programs.metric_config,
        "get_config": programs.metric_config,
        "name": programs.metric_name,
        "reset_state": programs.metric_reset_state,
        "result": programs.metric_of_states,
        "update_state": programs.metric_of_states,
        "variables": programs.metric_variables,
    },
    "Optimizer": {
        "add_optimizer_variables": programs.optimizer_of_ones_own,
        "add_variable": programs.optimizer_of_ones_own,
        "add_variable_from_reference": programs.optimizer_of_ones_own,
        "assign": programs.optimizer_of_ones_own,
        "assign_add": programs.optimizer_of_ones_own,
        "assign_sub": programs.optimizer_of_ones_own,
        "build": programs.optimizer_of_ones_own,
        "built": programs.optimizer_of_ones_own,
        "clipnorm": programs.optimizer_set_later,
        "clipvalue": programs.optimizer_set_later,
        "ema_momentum": programs.optimizer_averages_set_later,
        "ema_overwrite_frequency": programs.optimizer_averages_set_later,
        "exclude_from_weight_decay": programs.optimizer_spares,
        "from_config": programs.optimizer_config,
        "get_config": programs.optimizer_config,
        "global_clipnorm": programs.optimizer_set_later,
        "gradient_accumulation_steps": programs.optimizer_set_later,
        "loss_scale_factor": programs.optimizer_set_later,
        "learning_rate": programs.optimizer_learning_rate,
        "name": programs.optimizer_set_later,
        "update_step": programs.optimizer_of_ones_own,
        "use_ema": programs.optimizer_averages_set_later,
        "weight_decay": programs.optimizer_set_later,
    },
    "Initializer": {
        "__call__": programs.initializer_of_ones_own,
        "clone": programs.initializer_config,
        "from_config": programs.initializer_config,
        "get_config": programs.initializer_config,
    },
    "Constraint": {
        "__call__": programs.constraint_of_ones_own,
        "from_config": programs.constraint_config,
        "get_config": programs.constraint_config,
    },
    "Regularizer": {
        "__call__": programs.regularizer_of_ones_own,
        "from_config": programs.regularizer_config,
        "get_config": programs.regularizer_config,
    },
}


def keras_names(name):
    """What Keras lets people define or set: the class's names, and its objects' attributes."""
    kind, make = KERAS[name]
    found = {n for n in (*dir(kind), *vars(make())) if not n.startswith("_")}
    if issubclass(kind, torch.nn.Module):
        # Torch's names are torch's here too, but for those that Keras has for itself.
        of_keras = [k for k in kind.__mro__ if k.__module__.startswith("keras.src")]
        own = {n for k in of_keras if k.__name__ != "TorchLayer" for n in vars(k)}
        found -= {*dir(torch.nn.Module), *vars(torch.nn.Module())} - own
    if any("__call__" in vars(k) for k in kind.__mro__ if k.__module__.startswith("keras")):
        found.add("__call__")
    return sorted(found)


NAMES = [(kind, name) for kind in KERAS for name in keras_names(kind)]
# What a model has as a layer is shown on a layer.
OBEYED["Model"] = {**OBEYED["Layer"], **OBEYED["Model"]}
REFUSED = {kind: unpad.refusals.refused_names(ours) for kind, (ours, _) in OURS.items()}
shown = cache(lambda program: program())


@pytest.mark.parametrize(("kind", "name"), NAMES, ids=lambda part: part)
def test_a_name_is_obeyed_or_refused(kind, name):
    if name in OBEYED[kind]:
        assert name not in REFUSED[kind]
        shown(OBEYED[kind][name])
        return
    assert name in REFUSED[kind], f"unpad neither obeys nor refuses {kind}.{name}"
    refuses(kind, name)


def refuses(kind, name):
    """It is refused when a class defines it and when it is set, both times with the way out."""
    ours, make = OURS[kind]
    instead = REFUSED[kind][name]
    assert len(instead) > 15
    with pytest.raises(TypeError) as defined:
        type("Mine", (ours,), {name: lambda self: None})
    base = "Layer" if kind == "Model" and name in REFUSED["Layer"] else kind
    assert str(defined.value) == f"Mine.{name}: a {base} is never asked for it. {instead}"
    made = make()
    if callable(getattr(made, name, None)):
        return  # A method of its own: to be called, not to be replaced.
    with pytest.raises(AttributeError) as was_set:
        setattr(made, name, None)
    who = type(made).__name__
    assert str(was_set.value) == f"{who}.{name}: setting it would change nothing. {instead}"


@pytest.mark.parametrize("kind", KERAS)
def test_tables_hold_names_of_keras_alone(kind):
    """A name that Keras no longer has is taken out of the tables."""
    assert (OBEYED[kind].keys() | REFUSED[kind].keys()) - set(keras_names(kind)) == set()


def test_another_parent_s_method_is_refused_too():
    class Mixin:
        def stateless_result(self): ...

    with pytest.raises(TypeError, match=r"^Mine\.stateless_result: a Metric is never asked"):
        type("Mine", (Mixin, unpad.metrics.Metric), {})
