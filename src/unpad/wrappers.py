"""Models as scikit-learn's estimators: Keras's `wrappers`, for cross-validation and pipelines.

Stands on scikit-learn, and is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from .arguments import wrong
from .models import Model
from .models.saving import clone_model
from .ragged import Ragged

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
    from sklearn.utils.multiclass import type_of_target
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    raise ImportError(
        "unpad.wrappers needs scikit-learn. Install it: pip install 'unpad[sklearn]'."
    ) from None

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


class _Wrapper:
    """What the three have in common: the model, and what it is fitted on.

    Tables are checked by scikit-learn. Sequences go in as a Ragged or a list of arrays, one target
    each, and by cross-validation as well.
    """

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Self:  # noqa: N803 - scikit-learn's name
        """Trains a model: a fresh copy of the one that was given, or what the function makes.

        Args:
            X: a table (samples, features), or sequences: a Ragged or a list of arrays.
            y: a target for each.
            kwargs: of `Model.fit`; they go before `fit_kwargs`.

        Returns:
            Itself; the trained model is `model_`, the History `history_`.
        """
        if _are_sequences(X):
            y = validate_data(self, y=y, X="no_validation")
        else:
            X, y = validate_data(self, X, y)  # noqa: N806
        y = self._targets(np.asarray(y))
        again = self.warm_start and hasattr(self, "model_")
        model = self.model_ if again else self._fresh(X, y)
        history = model.fit(X, y, **{"verbose": 0, **(self.fit_kwargs or {}), **kwargs})
        self.model_, self.history_ = model, history
        return self

    def _fresh(self, x: Any, y: Any) -> Model:
        who = type(self).__name__
        if isinstance(self.model, Model):
            model = clone_model(self.model)
            if self.model.compiled:
                model.compile_from_config(self.model.get_compile_config())
        elif callable(self.model):
            model = self.model(X=x, y=y, **(self.model_kwargs or {}))
        else:
            raise wrong(who, "model", "a compiled model, or a function that makes one", self.model)
        if not model.compiled:
            raise RuntimeError(
                f"{who}: the model is not compiled. First: model.compile(optimizer=..., loss=...)."
            )
        return model

    def _outputs(self, x: Any) -> np.ndarray:
        check_is_fitted(self)
        if not _are_sequences(x):
            x = validate_data(self, x, reset=False)
        return np.asarray(self.model_.predict(x, verbose=0))

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """What the model gives, as targets were given.

        Args:
            X: as in `fit`.
        """
        return self._answers(self._outputs(X))

    def _targets(self, y: np.ndarray) -> np.ndarray:
        """The targets as the model is given them: a column, where they are one number each."""
        if type_of_target(y) == "unknown":
            raise ValueError(f"Unknown label type: {y.dtype}")
        self._flat = y.ndim == 1
        return y[:, None] if self._flat else y

    def _answers(self, outputs: np.ndarray) -> np.ndarray:
        return outputs[:, 0] if self._flat and outputs.ndim == 2 else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # pyright: ignore[reportAttributeAccessIssue]
        tags.non_deterministic = True
        for one in (tags.classifier_tags, tags.regressor_tags):
            if one is not None:
                one.poor_score = True  # of so few epochs as scikit-learn's checks have
        if tags.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = []
        return tags


class SKLearnClassifier(_Wrapper, ClassifierMixin, BaseEstimator):
    """A model that tells classes apart, as an estimator: labels of any kind go in and come out.

    The model is given one column for each class, 1 at the right one, and its largest output says
    the class. Sequences go in as a Ragged or a list of arrays.

    Args:
        model: a compiled model, of which each fit trains a fresh copy, or a function of X and y
            (both by name) that makes one.
        warm_start: whether the next fit goes on with the trained model.
        model_kwargs: for the function.
        fit_kwargs: of `Model.fit`.

    Raises:
        RuntimeError: the model is not compiled.
        ValueError: the data are no table and no sequences, or there is one class.
    """

    def decision_function(self, X: Any) -> np.ndarray:  # noqa: N803
        """The model's outputs, (samples, classes).

        Args:
            X: as in `fit`.
        """
        return self._outputs(X)

    def _targets(self, y: np.ndarray) -> np.ndarray:
        kind = type_of_target(y)
        if kind not in ("binary", "multiclass"):
            raise ValueError(
                f"Only binary and multiclass target types are supported. Unknown label type: {kind}"
            )
        self._flat = y.ndim == 1
        self.classes_, places = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise ValueError(
                f"Classifier can't train when only one class is present: {self.classes_[0]!r}."
            )
        return np.eye(len(self.classes_))[places.reshape(-1)]

    def _answers(self, outputs: np.ndarray) -> np.ndarray:
        found = self.classes_[outputs.argmax(-1)]
        return found if self._flat else found[:, None]


class SKLearnRegressor(_Wrapper, RegressorMixin, BaseEstimator):
    """A model that gives numbers, as an estimator.

    Args:
        model: a compiled model, of which each fit trains a fresh copy, or a function of X and y
            (both by name) that makes one.
        warm_start: whether the next fit goes on with the trained model.
        model_kwargs: for the function.
        fit_kwargs: of `Model.fit`.

    Raises:
        RuntimeError: the model is not compiled.
        ValueError: the data are no table and no sequences.
    """


class SKLearnTransformer(_Wrapper, TransformerMixin, BaseEstimator):
    """A model as a step of a pipeline: what it gives is the next step's table.

    Args:
        model: a compiled model, of which each fit trains a fresh copy, or a function of X and y
            (both by name) that makes one.
        warm_start: whether the next fit goes on with the trained model.
        model_kwargs: for the function.
        fit_kwargs: of `Model.fit`.

    Raises:
        RuntimeError: the model is not compiled.
        ValueError: the data are no table and no sequences.
    """

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """What the model gives, (samples, outputs).

        Args:
            X: as in `fit`.
        """
        return self._outputs(X)


def _are_sequences(x: Any) -> bool:
    """A Ragged, or a list of arrays; a list of lists is a table, as everywhere in scikit-learn."""
    if isinstance(x, (list, tuple)):
        return bool(x) and all(hasattr(part, "shape") for part in x)
    return isinstance(x, Ragged)
