"""What StringLookup and IntegerLookup have in common: ids by a vocabulary, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ... import arguments
from ...core.layer import Layer
from ...data.source.for_adapt import each_x
from ...errors import look_up, refuse
from ...ragged import Layout, Ragged
from ...ragged.numbers import as_tensor
from .category_encoding import encode
from .siphash import salt_of
from .strings import Arrangement, arranged, sequences_of
from .vocabulary import documents_of, learned, mean

_MODES = {
    mode: mode for mode in ("int", "one_hot", "multi_hot", "count", "tf_idf")
} | {"binary": "multi_hot", "tf-idf": "tf_idf"}  # fmt: skip


#: The file of its words in an archive, by Keras's name.
_VOCABULARY = "vocabulary.txt"


class IndexLookup(Layer):
    """Ids of tokens by a vocabulary that is given or learned; see StringLookup, IntegerLookup.

    A subclass says how tokens come (`_tokens_of`), how a file names them (`_lines`), which unknown
    ones share an id (`_bucket`) and how equally frequent ones are ordered (`_rank`).
    """

    #: The lookup of tokens of other kinds than strings, by their type; each makes itself known.
    of_dtype: ClassVar[dict[str, type[IndexLookup]]] = {}

    def __new__(cls, *args: Any, **kwargs: Any) -> IndexLookup:
        """Keras's IndexLookup is the lookup of tokens of its `vocabulary_dtype`."""
        if cls is IndexLookup:
            kind: Any = kwargs.get("vocabulary_dtype")
            cls = look_up("IndexLookup", "vocabulary_dtype", kind, IndexLookup.of_dtype)
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self,
        max_tokens: Any,
        num_oov_indices: Any,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: Any,
        output_mode: Any,
        pad_to_max_tokens: Any,
        sparse: Any,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        refuse(self.who, sparse=sparse)
        self.salt = salt_of(self.who, salt)
        self.output_mode = check_mode(self.who, output_mode, max_tokens, pad_to_max_tokens)
        if invert and self.output_mode != "int":
            raise ValueError(f"{self.who}: invert gives words, not {self.output_mode!r}.")
        if idf_weights is not None and (self.output_mode != "tf_idf" or vocabulary is None):
            raise ValueError(
                f"{self.who}: idf_weights go with output_mode='tf_idf' and a vocabulary."
            )
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert, self.pad_to_max_tokens = invert, pad_to_max_tokens
        self.sparse = False
        self.vocabulary, self.idf_weights = vocabulary, idf_weights
        self._words: list[str] | None = None
        self._ids: dict[str, int] = {}
        self._idf: list[float] | None = None
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)
            self.vocabulary = self.get_vocabulary(include_special_tokens=False)
            self.idf_weights = None if self._idf is None else self._idf[self._first :]

    # --- what a token is ------------------------------------------------------------------------

    def _tokens_of(self, inputs: Any) -> tuple[list[Any], Arrangement]:
        """Every token in order, and how they were arranged."""
        raise NotImplementedError

    def _lines(self, text: str) -> list[Any]:
        """The tokens of a file."""
        raise NotImplementedError

    def _bucket(self, token: Any) -> int:
        """Which of the ids of unknown tokens a token has."""
        raise NotImplementedError

    def _rank(self, token: Any) -> Any:
        """By what equally frequent tokens are ordered, the largest first."""
        raise NotImplementedError

    # --- the vocabulary --------------------------------------------------------------------------

    @property
    def _oov_start(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _first(self) -> int:
        """The id of the vocabulary's first word."""
        return self._oov_start + self.num_oov_indices

    @property
    def _special(self) -> list[str]:
        mask = [self.mask_token] if self._oov_start and self.mask_token is not None else []
        return mask + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The words in the order of their ids.

        Args:
            include_special_tokens: whether the mask's and the unknown words' tokens are in front,
                so that a word's place is its id.
        """
        return (self._special if include_special_tokens else []) + list(self._words or [])

    def vocabulary_size(self) -> int:
        """The number of ids, the special ones included."""
        return self._first + len(self._words or [])

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Takes these words instead of learning them.

        Args:
            vocabulary: words in the order of their ids, with or without the special tokens in
                front; or the path of a file with a word a line.
            idf_weights: one for each, with output_mode "tf_idf".

        Raises:
            ValueError: no word, a word twice, the mask's token among them, too many, or weights
                that do not fit.
        """
        if isinstance(vocabulary, (str, Path)):
            vocabulary = self._lines(Path(vocabulary).read_text("utf-8"))
        words, _ = self._tokens_of(vocabulary)
        front = self._first if words[: self._first] == self._special else 0
        twice = [word for word, n in Counter(words[front:]).items() if n > 1]
        if not words or twice:
            what = f"{twice[0]!r} is there twice" if twice else "it is empty"
            raise ValueError(f"{self.who}: expected a vocabulary of different words; {what}.")
        if self.mask_token is not None and self.mask_token in words[front:]:
            raise ValueError(
                f"{self.who}: the mask_token {self.mask_token!r} is among the vocabulary's words. "
                f"Leave it out, or begin with all special tokens: {self._special}."
            )
        if self.invert and self.oov_token in words[front:]:
            raise ValueError(
                f"{self.who}: the oov_token {self.oov_token!r} is among the vocabulary's words. "
                f"Leave it out, or begin with all special tokens: {self._special}."
            )
        size = self._first + len(words) - front
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                f"{self.who}: the vocabulary has {size} words with the special ones, but "
                f"max_tokens is {self.max_tokens}."
            )
        if (idf_weights is not None) != (self.output_mode == "tf_idf"):
            raise ValueError(f"{self.who}: idf_weights go with output_mode='tf_idf', and only so.")
        weights = None
        if idf_weights is not None:
            weights = [float(w) for w in idf_weights]
            if len(weights) != len(words):
                raise ValueError(
                    f"{self.who}: expected {len(words)} idf_weights, one a word, got "
                    f"{len(weights)}."
                )
            weights = [mean(weights)] * (self._first - front) + weights
        self._learn(words[front:], weights)

    def _learn(self, words: list[str], weights: list[float] | None) -> None:
        self._words = words
        self._ids = {word: i for i, word in enumerate(words, self._first)}
        if self.mask_token is not None:
            self._ids[self.mask_token] = 0 if self.output_mode == "int" else -1
        self._idf = weights

    def adapt(self, data: Any, steps: int | None = None, *, columns: Any = None) -> None:
        """Learns the vocabulary from data; what was learned before is forgotten.

        Args:
            data: tokens in any form that the layer takes, a list of them being as many documents;
                else all that `fit` takes as x: such batches as they come, alone or with targets
                beside them, a table, a data set, Parquet files.
            steps: how many batches to take, of what gives batches.
            columns: which column of a table is x.

        Raises:
            ValueError: the vocabulary was given; a batch holds no tokens.
            RuntimeError: what gives the data has raised an error.
        """
        if self.vocabulary is not None:
            raise ValueError(f"{self.who}: adapt, but the vocabulary was given.")

        def documents(x: Any, whole: bool) -> list[list[Any]]:
            return documents_of(x, whole, self._tokens_of)

        self._count(each_x(data, self.who, documents, columns=columns, steps=steps, texts=True))

    def _count(self, batches: Iterable[list[list[str]]]) -> None:
        """Learns the words of documents, most frequent first."""
        most = None if self.max_tokens is None else max(0, self.max_tokens - self._first)
        special = (self.mask_token, self.oov_token)
        words, weights = learned(batches, special, most, self._rank)
        if self.output_mode == "tf_idf":
            self._learn(words, [mean(weights)] * self._first + weights)
        else:
            self._learn(words, None)

    def save_assets(self, dir_path: str) -> None:
        """Writes the words that it has learned into `vocabulary.txt`, a word a line, as Keras.

        Args:
            dir_path: of a folder.
        """
        if self.vocabulary is None and self._words:
            text = "\n".join(map(str, self._words))
            Path(dir_path, _VOCABULARY).write_text(text, "utf-8")

    def load_assets(self, dir_path: str) -> None:
        """Takes the words of `vocabulary.txt` as if they had been learned; none where none were.

        Args:
            dir_path: of a folder.
        """
        file = Path(dir_path, _VOCABULARY)
        if self.vocabulary is None and file.exists():
            words = self._lines(file.read_text("utf-8"))
            special = self._first if words[: self._first] == self._special else 0
            self._learn(words[special:], self._idf)

    def get_extra_state(self) -> dict[str, Any]:
        return {"words": self._words, "idf": self._idf}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        if state["words"] is not None:
            self._learn(list(state["words"]), state["idf"])

    # --- words to ids, and back ------------------------------------------------------------------

    def _asked(self, inputs: Any) -> Any:
        """The ids of what is at hand, or with `invert` the tokens of ids."""
        self._check_learned()
        return self.forward(inputs)

    def _check_learned(self) -> None:
        if self._words is None:
            raise ValueError(
                f"{self.who}: there is no vocabulary yet. Learn one, layer.adapt(data), or give "
                "it: vocabulary=[...]."
            )

    def forward(self, inputs: Any) -> Any:
        """The ids of strings, or with `invert` the strings of ids."""
        if self.invert:
            return self._words_of(inputs)
        return self._vectors(*self._tokens_of(inputs))

    def _vectors(self, words: list[str], arrangement: Arrangement) -> Ragged | Tensor:
        if not self.num_oov_indices:
            self._check_known(words, arrangement)
        known, oov = self._ids.get, self._oov_start
        if self.num_oov_indices == 1:
            ids = arranged([known(word, oov) for word in words], arrangement)
        else:
            ids = arranged([self._id(word) for word in words], arrangement)
        if self.output_mode == "int":
            return ids
        depth = self.vocabulary_size()
        if self.pad_to_max_tokens and self.max_tokens is not None:
            depth = self.max_tokens
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        ids = ids if isinstance(ids, Ragged) or ids.ndim else ids[None]
        vectors = encode(ids, mode, depth, self.compute_dtype)
        if self.output_mode != "tf_idf":
            return vectors
        idf = vectors.values if isinstance(vectors, Ragged) else vectors
        weights = torch.zeros(depth, dtype=idf.dtype)
        weights[: len(self._idf or [])] = torch.tensor(self._idf or [], dtype=idf.dtype)
        return vectors * weights

    def _id(self, word: str) -> int:
        found = self._ids.get(word)
        if found is not None:
            return found
        return self._oov_start + self._bucket(word)

    def _check_known(self, words: list[str], arrangement: Arrangement) -> None:
        i = next((i for i, word in enumerate(words) if word not in self._ids), None)
        if i is not None:
            where = arrangement.where(i) if isinstance(arrangement, Layout) else f"place {i}"
            raise ValueError(
                f"{self.who}: {words[i]!r} in {where} is not in the vocabulary, and "
                "num_oov_indices is 0. With num_oov_indices=1 unknown words share an id."
            )

    def _words_of(self, inputs: Any) -> Any:
        table = self.get_vocabulary()
        ids = inputs.values if isinstance(inputs, Ragged) else as_tensor(inputs, self.who)
        flat = ids.reshape(-1).tolist()
        words = [table[i] if 0 <= i < len(table) else self.oov_token for i in flat]
        if isinstance(inputs, Ragged):
            return sequences_of(words, inputs.layout)
        return np.array(words, dtype=object).reshape(tuple(ids.shape)) if ids.ndim else words[0]


def check_mode(who: str, output_mode: str, max_tokens: int | None, pad: bool) -> str:
    """The mode's name as Keras 3 spells it, if the size goes with it."""
    mode = look_up(who, "output_mode", output_mode, _MODES)
    arguments.integer(who, "max_tokens", max_tokens, 2, or_none=True)
    if pad and (max_tokens is None or mode == "int"):
        raise ValueError(
            f"{who}: pad_to_max_tokens needs max_tokens, and an output_mode that gives vectors."
        )
    return mode
