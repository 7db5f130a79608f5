"""The laws that every model keeps, in prediction, evaluation and training."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..ragged import Ragged
from ..ragged.batch import values_of
from .batches import padded
from .laws import LawBroken

Inputs = Ragged | Tensor


def check_model(
    make: Callable[[], Any],
    x: Inputs | Sequence[Inputs],
    y: Any,
    *,
    loss: Any,
    metrics: Any = None,
    tolerance: float = 1e-5,
) -> None:
    """Runs a model through the laws, from prediction to training.

    1 a prediction is the same alone as in company, in any order; 2 padding is invisible, whatever
    holds it; 4 loss and metrics are the same for any batch size; 5 empty sequences change nothing;
    7 the same seed gives the same bits; and a model can be copied and pickled, trained or not.

    Args:
        make: gives a fresh model, not compiled.
        x: the inputs: Ragged, rows, or a list of them.
        y: the targets, as `fit` takes them: Ragged or tensors, or a list of them.
        loss: as `compile` takes it.
        metrics: as `compile` takes them.
        tolerance: how far numbers may be apart, absolutely and relatively.

    Raises:
        LawBroken: the law that is broken, and where first.

    Example:
        >>> import unpad
        >>> x = unpad.testing.coded([3, 1, 2], (2,), torch.float32)
        >>> def make():
        ...     return unpad.Sequential([unpad.layers.LSTM(3), unpad.layers.Dense(1)])
        >>> unpad.testing.check_model(make, x, torch.ones(3, 1), loss="mse")
    """
    subject = _Model(make, x, y, loss, metrics, tolerance)
    subject.check_alone()
    subject.check_padding()
    subject.check_batches()
    subject.check_empty()
    subject.check_seed()
    subject.check_copies()


class _Model:
    """A model under the laws, with its data."""

    def __init__(
        self,
        make: Callable[[], Any],
        x: Any,
        y: Any,
        loss: Any,
        metrics: Any,
        tolerance: float,
    ) -> None:
        self.make, self.tolerance = make, tolerance
        self.loss, self.metrics = loss, metrics
        self.several_x, self.several_y = (isinstance(v, (list, tuple)) for v in (x, y))
        self.x = list(x) if self.several_x else [x]
        self.y = list(y) if self.several_y else [y]
        self.model = self.fresh()
        self.n = len(self.x[0])

    def fresh(self) -> Any:
        """A compiled model with weights from a seed, built by the data."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            model = self.make()
            model.compile("adam", copy.deepcopy(self.loss), metrics=copy.deepcopy(self.metrics))
            self.predict(model, self.x)
        return model

    def given(self, parts: list[Any], several: bool) -> Any:
        """A list of parts as the model takes it."""
        return parts if several else parts[0]

    def predict(self, model: Any, x: list[Any]) -> list[Any]:
        """Every output, in a list."""
        found = model.predict(self.given(x, self.several_x), verbose=0)
        found = list(found.values()) if isinstance(found, dict) else found
        return list(found) if isinstance(found, (list, tuple)) else [found]

    def broken(self, law: str, what: str) -> None:
        raise LawBroken(f"{type(self.model).__name__} breaks {law}: {what}.")

    def compare(self, law: str, got: Any, want: Any, sequence: int | None = None) -> None:
        a, b = values_of(got), values_of(want)
        if a.shape != b.shape:
            self.broken(law, f"shape {tuple(a.shape)} against {tuple(b.shape)}")
        if torch.allclose(a, b, rtol=self.tolerance, atol=self.tolerance):
            return
        apart = (a - b).abs().reshape(len(a), -1).amax(1)
        first = int((apart > self.tolerance).nonzero()[0])
        where = want.layout.where(first) if isinstance(want, Ragged) else f"sequence {first}"
        if sequence is not None:
            where = where.replace("sequence 0", f"sequence {sequence}", 1)
        self.broken(law, f"{where} is off by {float(apart[first]):.3g}")

    # --- the laws --------------------------------------------------------------------------------

    def check_alone(self) -> None:
        """Law 1: alone as in company, in any order."""
        together = self.predict(self.model, self.x)
        for i in range(self.n):
            alone = self.predict(self.model, [part[i : i + 1] for part in self.x])
            for a, b in zip(alone, together, strict=True):
                self.compare("law 1, alone as in company", a, b[i : i + 1], i)
        order = torch.arange(self.n).flip(0)
        turned = self.predict(self.model, [part[order] for part in self.x])
        for a, b in zip(turned, together, strict=True):
            self.compare("law 1, any order", a[order], b)

    def check_padding(self) -> None:
        """Law 2: from a grid padded left, right or with holes, with any content."""
        plain = self.predict(self.model, self.x)
        for side in ("right", "left", "holes"):
            outputs = self.predict(self.model, [padded(part, side) for part in self.x])
            for a, b in zip(outputs, plain, strict=True):
                self.compare(f"law 2, padding is invisible ({side})", a, b)

    def check_batches(self) -> None:
        """Law 4: one denominator, whatever the batches."""
        x, y = self.given(self.x, self.several_x), self.given(self.y, self.several_y)
        whole = self.model.evaluate(x, y, verbose=0, return_dict=True, batch_size=self.n)
        for size in (1, 2):
            found = self.model.evaluate(x, y, verbose=0, return_dict=True, batch_size=size)
            for name, value in found.items():
                if abs(value - whole[name]) > self.tolerance * max(1.0, abs(value)):
                    what = f"{name} is {value:.6g} in batches of {size}, {whole[name]:.6g} in one"
                    self.broken("law 4, one denominator", what)

    def check_empty(self) -> None:
        """Law 5: empty sequences give finite predictions, and move no weight."""
        if not all(isinstance(part, Ragged) for part in (*self.x, *self.y)):
            return
        law = "law 5, empty is legal"
        nothing = [part[:1].keep(torch.zeros(part[:1].steps, dtype=torch.bool)) for part in self.x]
        for output in self.predict(self.model, nothing):
            if not bool(values_of(output).isfinite().all()):
                self.broken(law, "an empty sequence's prediction is not finite")
        longer_x, longer_y = (
            [Ragged.concatenate([p, p[:1].keep(torch.zeros(p[:1].steps, dtype=torch.bool))])
             for p in parts]
            for parts in (self.x, self.y)
        )  # fmt: skip
        plain, longer = copy.deepcopy(self.model).eval(), copy.deepcopy(self.model).eval()
        for model, x, y in ((plain, self.x, self.y), (longer, longer_x, longer_y)):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(1)
                model.train_on_batch(self.given(x, self.several_x), self.given(y, self.several_y))
        if any(getattr(m, "rate", 0) or getattr(m, "dropout", 0) for m in self.model.modules()):
            return  # other draws
        self._compare_weights(f"{law} (weights after an update)", longer, plain)

    def check_seed(self) -> None:
        """Law 7: the same seed, the same bits."""
        trained = []
        for _ in range(2):
            model = self.fresh()
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(3)
                x, y = self.given(self.x, self.several_x), self.given(self.y, self.several_y)
                model.fit(x, y, batch_size=2, epochs=2, verbose=0)
            trained.append(model)
        a, b = (list(model.state_dict().items()) for model in trained)
        for (name, v), (_, w) in zip(a, b, strict=True):
            if isinstance(v, Tensor) and not torch.equal(v, w):
                self.broken("law 7, same seed, same bits", f"{name} differs after training")
        self.trained = trained[0]

    def check_copies(self) -> None:
        """A deepcopy and a pickle give the same, trained or not."""
        for model in (self.model, self.trained):
            want = self.predict(model, self.x)
            copies = {"deepcopy": copy.deepcopy(model)}
            try:
                copies["pickle"] = pickle.loads(pickle.dumps(model))
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                self.broken("copies", f"it cannot be pickled: {error}")
            for kind, other in copies.items():
                for a, b in zip(self.predict(other, self.x), want, strict=True):
                    self.compare(f"copies ({kind})", a, b)

    def _compare_weights(self, law: str, got: Any, want: Any) -> None:
        pairs = zip(got.state_dict().items(), want.state_dict().values(), strict=True)
        for (name, a), b in pairs:
            if not isinstance(a, Tensor) or not a.is_floating_point():
                continue
            if not torch.allclose(a, b, rtol=self.tolerance, atol=self.tolerance):
                self.broken(law, f"{name} is off by {float((a - b).abs().max()):.3g}")
