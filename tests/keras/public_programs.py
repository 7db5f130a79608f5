"""Small programs in Keras's words, each of which shows that unpad obeys what a person wrote.

A program defines or sets something as Keras lets people do and asserts what came of it.
"""

import copy

import torch

import unpad as keras

X = [[[1.0, 0.0]], [[0.0, 2.0], [3.0, 1.0]]]
Y = [[[1.0]], [[0.0], [2.0]]]


def model(**compiled):
    """Two features a step to one number, by a kernel of ones."""
    of_ones = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    made = keras.Sequential([keras.Input((None, 2)), of_ones])
    made.compile(**{"optimizer": "sgd", "loss": "mse", **compiled})
    return made


def weight(*values):
    return torch.nn.Parameter(torch.tensor(values))


# --- losses ---------------------------------------------------------------------------------------


class Doubled(keras.losses.Loss):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * (y_true - y_pred).abs().squeeze(-1)


def loss_of_ones_own():
    trained = model(loss=Doubled(3.0, name="apart"))
    # The kernel of ones gives 1, 2 and 4; beside them stand 1, 0 and 2.
    assert trained.evaluate(X, Y, verbose=0) == 3 * (0 + 2 + 2) / 3


def loss_reduction():
    loss = Doubled()
    loss.reduction = "sum"
    assert float(loss(torch.zeros(3, 1), torch.ones(3, 1))) == 6
    loss.reduction = None
    assert loss(torch.zeros(3, 1), torch.ones(3, 1)).tolist() == [2, 2, 2]


def loss_dtype():
    loss = Doubled()
    loss.dtype = "float16"
    assert loss(torch.zeros(3, 1), torch.ones(3, 1)).dtype is torch.float16
    assert Doubled.from_config(loss.get_config()).dtype == "float16"


def loss_name():
    loss = Doubled(name="apart")
    assert loss.name == "apart"
    loss.name = "other"
    assert model(metrics=[loss]).evaluate(X, Y, return_dict=True, verbose=0)["other"] == 8 / 3


def loss_config():
    class Mine(Doubled):
        def get_config(self):
            return {**super().get_config(), "factor": 5.0}

        @classmethod
        def from_config(cls, config):
            return cls(**{**config, "factor": config["factor"] + 1})

    assert Doubled(4.0).get_config() == {
        "factor": 4.0,
        "name": "Doubled",
        "reduction": "mean",
    }
    assert Mine.from_config(Mine().get_config()).factor == 6.0


# --- metrics --------------------------------------------------------------------------------------


class Share(keras.metrics.Metric):
    """How often the output lies above the target, by weight."""

    def __init__(self, name="share", make="add_weight", **kwargs):
        super().__init__(name=name, **kwargs)
        self.make = make
        if make == "add_weight":
            self.above = self.add_weight(name="above", initializer="zeros")
        else:
            self.above = self.add_variable((), "zeros", name="above")
        self.all = self.add_weight(shape=(), initializer="zeros", name="all")

    def update_state(self, y_true, y_pred, sample_weight=None):
        weights = torch.ones(len(y_true)) if sample_weight is None else sample_weight
        self.above.assign_add(((y_pred > y_true).squeeze(-1) * weights).sum())
        self.all.assign_add(weights.sum())

    def result(self):
        return self.above / self.all


def metric_of_states():
    for make in ("add_weight", "add_variable"):
        trained = model(metrics=[Share("plain", make)], weighted_metrics=[Share("weighed", make)])
        # Twice, so that states that were not reset would show: two of three lie above.
        for _ in range(2):
            logs = trained.evaluate(X, Y, sample_weight=[1, 3], return_dict=True, verbose=0)
            assert logs["plain"] == 2 / 3
            assert logs["weighed"] == 6 / 7


def metric_variables():
    metric = Share()
    assert [state.name for state in metric.variables] == ["above", "all"]
    metric.update_state(torch.zeros(3, 1), torch.ones(3, 1))
    assert [float(state) for state in metric.variables] == [3, 3]
    other = copy.deepcopy(metric)
    other.reset_state()
    assert float(other.above) == 0
    assert float(metric.above) == 3


def metric_reset_state():
    class FromFive(Share):
        def reset_state(self):
            self.above.assign(5)
            self.all.assign(5)

    logs = model(metrics=[FromFive()]).evaluate(X, Y, return_dict=True, verbose=0)
    assert logs["share"] == (5 + 2) / (5 + 3)


def metric_called():
    metric = Share()
    assert float(metric(torch.zeros(2, 1), torch.ones(2, 1))) == 1
    assert float(metric(torch.zeros(2, 1), -torch.ones(2, 1))) == 0.5


def metric_name():
    metric = Share()
    metric.name = "other"
    assert "other" in model(metrics=[metric]).evaluate(X, Y, return_dict=True, verbose=0)


def metric_dtype():
    metric = keras.metrics.Mean()
    metric.dtype = "float16"
    metric.update_state([1.0, 2.0])
    assert metric.result().dtype == torch.float16


def metric_config():
    class Mine(Share):
        def get_config(self):
            return {**super().get_config(), "name": "mine"}

        @classmethod
        def from_config(cls, config):
            return cls(**{**config, "name": config["name"] + "_too"})

    assert Share("a", make="add_variable").get_config()["make"] == "add_variable"
    assert Mine.from_config(Mine().get_config()).name == "mine_too"


# --- optimisers -----------------------------------------------------------------------------------


class Heavy(keras.optimizers.Optimizer):
    """Momentum, from Keras's parts."""

    def __init__(self, learning_rate=0.1, make="add_optimizer_variables", **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.make_by = make
        self.counts = []

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        if self.make_by == "add_optimizer_variables":
            self.moments = self.add_optimizer_variables(variables, "moment")
        elif self.make_by == "add_variable_from_reference":
            self.moments = [self.add_variable_from_reference(v, "moment") for v in variables]
        else:
            self.moments = [self.add_variable(v.shape, "zeros", name="moment") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        self.counts.append(self.iterations)
        moment = self.moments[self._get_variable_index(variable)]
        self.assign(moment, moment * 0.9)
        self.assign_sub(moment, gradient * learning_rate)
        self.assign_add(variable, moment)


def optimizer_of_ones_own():
    """It moves weights as SGD with momentum does, and its states are saved with all else."""
    for make in ("add_optimizer_variables", "add_variable_from_reference", "add_variable"):
        mine, theirs = Heavy(make=make), keras.optimizers.SGD(0.1, 0.9)
        trained = [model(optimizer=each) for each in (mine, theirs)]
        for each in trained:
            each.fit(X, Y, epochs=3, batch_size=1, shuffle=False, verbose=0)
        first, second = (each.get_weights()[0] for each in trained)
        torch.testing.assert_close(first, second)
        assert mine.counts == [0, 1, 2, 3, 4, 5]
        assert mine.built
        assert [state.tolist() for state in mine.variables] == [mine.moments[0].tolist()]
        again = Heavy(make=make)
        kernel = torch.nn.Parameter(torch.tensor(first))
        again.bind([kernel]).load_state_dict(mine.torch_optimizer.state_dict())
        assert again.iterations == 6
        assert again.moments[0].tolist() == mine.moments[0].tolist()


def optimizer_in_a_loop():
    for apply in (
        lambda optimizer, g, w: optimizer.apply([g], [w]),
        lambda optimizer, g, w: optimizer.apply_gradients([(g, w)]),
    ):
        optimizer, w = keras.optimizers.SGD(0.5), weight(1.0, 2.0)
        apply(optimizer, torch.tensor([1.0, 2.0]), w)
        assert w.tolist() == [0.5, 1.0]
        assert optimizer.iterations == 1
        assert w.grad is None


def optimizer_learning_rate():
    optimizer, w = keras.optimizers.SGD(0.5), weight(1.0)
    optimizer.apply([torch.tensor([1.0])], [w])
    optimizer.learning_rate = 0.25
    optimizer.apply([torch.tensor([1.0])])
    assert w.tolist() == [0.25]


def optimizer_averages():
    optimizer, w = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5), weight(0.0)
    for gradient in (-1.0, -2.0):
        optimizer.apply([torch.tensor([gradient])], [w])
    optimizer.finalize_variable_values([w])
    assert w.tolist() == [2.0]  # half of 1 and half of 3


def optimizer_set_later():
    """What is set on an optimiser in use holds from the next update on."""
    optimizer, w = keras.optimizers.SGD(1.0), weight(10.0)
    optimizer.apply([torch.tensor([0.0])], [w])
    optimizer.clipnorm = 1.0
    optimizer.apply([torch.tensor([5.0])])
    assert w.tolist() == [9.0]
    optimizer.clipnorm, optimizer.clipvalue = None, 0.5
    optimizer.apply([torch.tensor([5.0])])
    assert w.tolist() == [8.5]
    optimizer.clipvalue, optimizer.global_clipnorm = None, 0.25
    optimizer.apply([torch.tensor([5.0])])
    assert w.tolist() == [8.25]
    optimizer.global_clipnorm, optimizer.weight_decay = None, 0.5
    optimizer.apply([torch.tensor([0.0])])
    assert w.tolist() == [4.125]
    optimizer.weight_decay = None
    optimizer.apply([torch.tensor([0.0])])
    optimizer.loss_scale_factor = 8.0
    optimizer.apply([torch.tensor([8.0])])
    assert w.tolist() == [3.125]
    optimizer.loss_scale_factor = None
    optimizer.apply([torch.tensor([-1.0])])
    optimizer.gradient_accumulation_steps = 2
    optimizer.apply([torch.tensor([1.0])])
    assert w.tolist() == [4.125]
    optimizer.apply([torch.tensor([3.0])])
    assert w.tolist() == [2.125]
    optimizer.name = "other"
    assert optimizer.get_config()["name"] == "other"


def optimizer_averages_set_later():
    optimizer, w = keras.optimizers.SGD(1.0), weight(0.0)
    optimizer.apply([torch.tensor([-1.0])], [w])
    optimizer.ema_momentum, optimizer.ema_overwrite_frequency = 0.5, 3
    optimizer.use_ema = True
    optimizer.apply([torch.tensor([-1.0])])
    optimizer.apply([torch.tensor([-2.0])])
    # The average begins at 2 and is half of it and half of 4 when it takes the weight's place.
    assert w.tolist() == [3.0]


def optimizer_spares():
    sgd = keras.optimizers.SGD(0.1, weight_decay=0.5)
    kept, other = weight(1.0), weight(1.0)
    sgd.exclude_from_weight_decay(var_list=[kept])
    sgd.apply([torch.zeros(1)] * 2, [kept, other])
    assert kept.tolist() == [1.0] and other.tolist() < [1.0]


def optimizer_config():
    class Mine(keras.optimizers.SGD):
        def get_config(self):
            return {**super().get_config(), "momentum": 0.25}

        @classmethod
        def from_config(cls, config):
            return cls(**{**config, "momentum": 2 * config["momentum"]})

    assert Mine.from_config(Mine().get_config()).momentum == 0.5


# --- initialisers, constraints, regularisers ------------------------------------------------------


class Threes(keras.initializers.Initializer):
    def __init__(self, factor=1.0):
        self.factor = factor

    def __call__(self, shape, dtype=None):
        return torch.full(tuple(shape), 3.0 * self.factor, dtype=dtype)


def initializer_of_ones_own():
    layer = keras.layers.Dense(2, kernel_initializer=Threes(2.0))
    layer(torch.ones(1, 1))
    assert layer.kernel.tolist() == [[6.0, 6.0]]


def initializer_config():
    class Mine(Threes):
        def get_config(self):
            return {"factor": self.factor + 1}

        @classmethod
        def from_config(cls, config):
            return cls(config["factor"] * 10)

    assert Threes(2.0).get_config() == {"factor": 2.0}
    assert Mine(1.0).clone().factor == 20.0
    spread = keras.initializers.RandomUniform(-1.0, 2.0, seed=3)
    assert spread.clone().get_config() == spread.get_config()
    described = {"class_name": "RandomUniform", "config": spread.get_config()}
    assert keras.initializers.get(described)((4,)).tolist() == spread((4,)).tolist()


class Below(keras.constraints.Constraint):
    def __init__(self, most=0.5):
        self.most = most

    def __call__(self, w):
        return w.clamp_max(self.most)


def constraint_of_ones_own():
    layer = keras.layers.Dense(1, kernel_constraint=Below())
    trained = keras.Sequential([keras.Input((2,)), layer])
    trained.compile("sgd", "mse")
    trained.fit(torch.ones(4, 2), 9 * torch.ones(4, 1), epochs=3, verbose=0)
    assert layer.kernel.max() <= 0.5


def constraint_config():
    class Mine(Below):
        def get_config(self):
            return {"most": self.most + 1}

        @classmethod
        def from_config(cls, config):
            return cls(config["most"] * 10)

    assert Below(2.0).get_config() == {"most": 2.0}
    assert Mine.from_config(Mine(1.0).get_config()).most == 20.0
    described = {"class_name": "MaxNorm", "config": keras.constraints.MaxNorm(3).get_config()}
    assert keras.constraints.get(described).max_value == 3


class Fourth(keras.regularizers.Regularizer):
    def __init__(self, factor=1.0):
        self.factor = factor

    def __call__(self, x):
        return self.factor * (x**4).sum()


def regularizer_of_ones_own():
    layer = keras.layers.Dense(1, kernel_initializer=Threes(), kernel_regularizer=Fourth(2.0))
    layer(torch.ones(1, 1))
    assert [penalty.item() for penalty in layer.losses] == [162.0]


def regularizer_config():
    class Mine(Fourth):
        def get_config(self):
            return {"factor": self.factor + 1}

        @classmethod
        def from_config(cls, config):
            return cls(config["factor"] * 10)

    assert Fourth(2.0).get_config() == {"factor": 2.0}
    assert Mine.from_config(Mine(1.0).get_config()).factor == 20.0
    described = {"class_name": "L2", "config": keras.regularizers.L2(0.5).get_config()}
    assert keras.regularizers.get(described).l2 == 0.5
