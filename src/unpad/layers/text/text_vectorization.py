"""TextVectorization: texts to the ids of their words."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Unpack

import numpy as np
from torch import Tensor

from ... import arguments
from ...arguments import Positive
from ...core.options import WithoutName
from ...core.spec import Spec
from ...core.symbol import is_symbolic
from ...data.source.for_adapt import each_x
from ...errors import look_up, refuse
from ...notes import Cut, Words, note
from ...ragged import Layout, Ragged
from .index_lookup import check_mode
from .string_lookup import StringLookup
from .strings import (
    Arrangement,
    TakesTexts,
    are_bytes,
    as_texts,
    sequences_of,
    strings_of,
)

_LOWER = (string.ascii_uppercase, string.ascii_lowercase)
_STANDARDS = {
    "lower_and_strip_punctuation": str.maketrans(*_LOWER, string.punctuation),
    "lower": str.maketrans(*_LOWER),
    "strip_punctuation": str.maketrans("", "", string.punctuation),
}
# As Keras splits: at ASCII's white space only, not at a no-break space.
_SPACES = str.maketrans(dict.fromkeys("\t\n\v\f\r", " "))


def _at_spaces(text: str) -> list[str]:
    return [word for word in text.translate(_SPACES).split(" ") if word]


_SPLITS: dict[str, Callable[[str], list[str]]] = {"whitespace": _at_spaces, "character": list}


class TextVectorization(TakesTexts):
    """The ids of a text's words, by a vocabulary that is given or learned by `adapt`.

    It takes strings, before training, in the preparation of data; or within a model, behind
    `keras.Input((1,), dtype="string")`.

    Shapes: a list or array of n texts to a Ragged of ids (n, steps*), without padding; a text
    without words gives an empty sequence. With `output_sequence_length` they are cut and padded
    with 0 to a tensor (n, output_sequence_length), which goes into Embedding(mask_zero=True).
    Other output modes give floating vectors, one a text: "multi_hot", "count", "tf_idf", or
    "one_hot" for each word. One text alone gives its ids (steps,).

    Ids are Keras's: 0 for padding, 1 for unknown words, then the vocabulary, the most frequent
    word first, of equally frequent ones the last in the order of their bytes. Vectors have no
    place for padding.

    Args:
        max_tokens: the largest size of the vocabulary, the special ones included.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation", None, or a
            function of an array of strings. As in Keras only the letters A to Z are lowered; for
            others: `standardize=np.vectorize(str.lower)`.
        split: "whitespace", "character", None for texts that come as lists of words, or a
            function from a text to its words.
        ngrams: runs of up to so many words, or of the numbers of words in a tuple, are words too.
        output_mode: "int", "one_hot", "multi_hot", "count" or "tf_idf".
        sparse: refused: vectors are dense.
        name: shown in summaries and errors.
        output_sequence_length: words of each text in a padded output.
        pad_to_max_tokens: whether vectors have the size max_tokens, though words are fewer.
        vocabulary: words, or the path of a file with a word a line.
        idf_weights: of the vocabulary's words, for "tf_idf".
        ragged: True gives a Ragged, cut to `output_sequence_length` if there is one; False pads,
            to the longest text of the batch if there is none; by default a Ragged, unless
            `output_sequence_length` is given.
        encoding: of texts that come as bytes.

    Raises:
        ValueError: there is no vocabulary yet, or what comes is no text.

    Example:
        >>> layer = TextVectorization()
        >>> layer.adapt(["The cat sat.", "The dog!"])
        >>> layer.get_vocabulary()
        ['', '[UNK]', 'the', 'sat', 'dog', 'cat']
        >>> layer(["the cat flew", "dog"]).to_list()
        [tensor([2, 5, 1]), tensor([4])]
    """

    def __init__(
        self,
        max_tokens: Positive | None = None,
        standardize: str | Callable[[Any], Any] | None = "lower_and_strip_punctuation",
        split: str | Callable[[str], Sequence[str]] | None = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: Positive | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool | None = None,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Unpack[WithoutName],
    ) -> None:
        super().__init__(name=name, **kwargs)
        refuse(self.who, sparse=sparse)
        for what, given, known in (
            ("standardize", standardize, _STANDARDS), ("split", split, _SPLITS),
        ):  # fmt: skip
            if given is not None and not callable(given):
                look_up(self.who, what, given, known)
        arguments.sizes(self.who, "ngrams", ngrams, least=1, or_none=True)
        check_mode(self.who, output_mode, max_tokens, pad_to_max_tokens)
        if output_mode != "int" and (output_sequence_length is not None or ragged is not None):
            raise ValueError(
                f"{self.who}: output_sequence_length and ragged go with output_mode='int', not "
                f"{output_mode!r}."
            )
        self.max_tokens, self.standardize, self.split = max_tokens, standardize, split
        self.ngrams, self.output_sequence_length = ngrams, output_sequence_length
        self.ragged, self.encoding, self.sparse = ragged, encoding, False
        self.lookup = StringLookup(
            max_tokens=max_tokens, vocabulary=vocabulary, idf_weights=idf_weights, mask_token="",
            output_mode=output_mode, pad_to_max_tokens=pad_to_max_tokens, encoding=encoding,
            name=name, dtype=self.given_policy,
        )  # fmt: skip
        self.output_mode, self.pad_to_max_tokens = self.lookup.output_mode, pad_to_max_tokens

    @property
    def vocabulary(self) -> list[str] | None:
        """The vocabulary, where it was given."""
        return self.lookup.vocabulary

    @property
    def idf_weights(self) -> list[float] | None:
        """The words' weights, where they were given."""
        return self.lookup.idf_weights

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The words in the order of their ids; see `StringLookup.get_vocabulary`."""
        return self.lookup.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """The number of ids, the special ones included."""
        return self.lookup.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Takes these words instead of learning them; see `StringLookup.set_vocabulary`."""
        self.lookup.set_vocabulary(vocabulary, idf_weights)

    def adapt(
        self,
        data: Any,
        batch_size: None = None,
        steps: int | None = None,
        *,
        columns: Any = None,
    ) -> None:
        """Learns the vocabulary from texts; what was learned before is forgotten.

        Args:
            data: a list or array of texts; else all that `fit` takes as x: batches of texts as
                they come, alone or with targets beside them, a table, a data set, Parquet files.
            batch_size: not supported.
            steps: how many batches to take, of what gives batches.
            columns: which column of a table is x.

        Raises:
            ValueError: the vocabulary was given; a batch holds no texts.
            RuntimeError: what gives the data has raised an error.
        """
        refuse(self.who, batch_size=batch_size)
        if self.vocabulary is not None:
            raise ValueError(f"{self.who}: adapt, but the vocabulary was given.")

        def documents(x: Any, whole: bool) -> list[list[str]]:
            return self._texts(x)[0]

        found = each_x(data, self.who, documents, columns=columns, steps=steps, texts=True)
        self.lookup._count(found)

    def _texts(self, inputs: Any) -> tuple[list[list[str]], Arrangement]:
        """The words of each text, and how the texts were arranged."""
        texts, arrangement = strings_of(inputs, self.who, self.encoding)
        texts = self._standardized(texts)
        if self.split is None:
            rows = sequences_of(texts, arrangement)
        else:
            arrangement = self._one_a_row(arrangement)
            cut = self.split if callable(self.split) else _SPLITS[self.split]
            rows = [list(cut(text)) for text in texts]
        return [self._with_runs(words) for words in rows], arrangement

    def _standardized(self, texts: list[str]) -> list[str]:
        if self.standardize is None or not texts:
            return texts
        if not callable(self.standardize):
            table = _STANDARDS[self.standardize]
            return [text.translate(table) for text in texts]
        made = np.asarray(self.standardize(np.array(texts)))
        if made.shape != (len(texts),):
            raise ValueError(
                f"{self.who}: standardize got {len(texts)} texts and gave {made.shape}. It takes "
                "an array of texts and gives one; a function of one text: np.vectorize(function)."
            )
        return [str(text) for text in made]

    def _one_a_row(self, arrangement: Arrangement) -> Arrangement:
        if isinstance(arrangement, Layout):
            lengths = arrangement.own.lengths
            wrong = (lengths != 1).nonzero()
            if len(wrong):
                i = int(wrong[0])
                raise ValueError(
                    f"{self.who}: expected one text a row, but row {i} has {int(lengths[i])}. For "
                    "texts that are lists of words: split=None."
                )
            return (arrangement.batch,)
        if len(arrangement) > 1 and arrangement[1:] != (1,):
            raise ValueError(
                f"{self.who}: expected one text a row, got an array {arrangement}. For texts that "
                "are lists of words: split=None."
            )
        return arrangement[:1]

    def _with_runs(self, words: list[str]) -> list[str]:
        if self.ngrams is None:
            return words
        widths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        return [
            " ".join(words[i : i + n]) for n in widths for i in range(len(words) - n + 1)
        ]  # fmt: skip

    def output_spec(self, spec: Spec) -> Spec:
        out = super().output_spec(spec)
        if out.ragged or self.output_mode != "int" or self.output_sequence_length is not None:
            return out
        return out.with_shape((None,))  # as long as the longest text of the batch

    def __call__(self, inputs: Any) -> Any:
        """The ids of texts."""
        # A graph that is read from a file is drawn before its words are there.
        if self.lookup._words is None and not (is_symbolic(inputs) and self.output_mode == "int"):
            raise ValueError(
                f"{self.who}: there is no vocabulary yet. Learn one, layer.adapt(texts), or give "
                "it: vocabulary=[...]."
            )
        in_a_model = is_symbolic(inputs) or are_bytes(inputs)
        return super().__call__(inputs) if in_a_model else self.forward(inputs)

    def forward(self, inputs: Any) -> Ragged | Tensor:
        """The ids of texts."""
        if are_bytes(inputs):
            return self.forward(as_texts(inputs)).to(inputs.device)
        texts, arrangement = self._texts(inputs)
        given = [len(words) for words in texts]
        texts = [words[: self.output_sequence_length] for words in texts]
        layout = Layout.from_lengths([len(words) for words in texts])
        out = self.lookup._vectors(list(chain.from_iterable(texts)), layout)
        padded = self.output_sequence_length is not None if self.ragged is None else not self.ragged
        if self.output_mode != "int":
            return out[0] if arrangement == () else out  # pyright: ignore[reportReturnType]
        assert isinstance(out, Ragged)
        unknown = int((out.values == self.lookup._oov_start).sum())
        if padded:
            out = out.to_padded(0, length=self.output_sequence_length)
        if arrangement == ():
            return out[0]  # pyright: ignore[reportReturnType]
        note(out, self._cut(given, layout, padded), Words(layout.steps, unknown))
        return out  # pyright: ignore[reportReturnType]

    def _cut(self, given: list[int], layout: Layout, padded: bool) -> Cut:
        """What became of texts of so many words each."""
        kept = layout.own.lengths.tolist()
        width = self.output_sequence_length or max(kept, default=0)
        cut = sum(n > k for n, k in zip(given, kept, strict=True))
        short = sum(k < width for k in kept) if padded else 0
        who = "TextVectorization"
        return Cut(who, sum(given), sum(given) - layout.steps, cut, short, "post", "post")
