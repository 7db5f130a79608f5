"""StringLookup: words to ids by a vocabulary, and back."""

from __future__ import annotations

import copy
from typing import Any, Unpack

from ... import arguments
from ...arguments import Count, Positive
from ...core.options import WithoutName
from ...core.spec import Spec
from ...core.symbol import is_symbolic
from .index_lookup import IndexLookup
from .siphash import bucket
from .strings import Arrangement, TakesTexts, are_bytes, as_texts, strings_of


class StringLookup(TakesTexts, IndexLookup):
    """The id of each word in a vocabulary, which is given or learned by `adapt`.

    It takes strings and runs before training, in the preparation of data; a model takes its ids.

    Shapes: a list of lists of strings to a Ragged of ids (batch, steps*), an empty list to an
    empty sequence; a list of strings (n,) or an array of strings (batch, time) to a tensor of ids
    of that shape. Other output modes give vectors as CategoryEncoding does: "one_hot" of each
    word, "multi_hot", "count" and "tf_idf" of each sequence. The vectors are floating.

    Ids are Keras's: 0 for `mask_token`, if there is one; then `num_oov_indices` ids for words that
    are not in the vocabulary, which share them by their fingerprint; then the vocabulary, the most
    frequent word first, of equally frequent ones the last in the order of their bytes.

    Args:
        max_tokens: the largest size of the vocabulary, the special ones included.
        num_oov_indices: how many ids there are for unknown words; 0 makes them an error.
        mask_token: what stands for a missing word; with vectors it counts as none.
        oov_token: what `invert` gives for the id of an unknown word.
        vocabulary: words, or the path of a file with a word a line.
        idf_weights: of the vocabulary's words, for "tf_idf"; the unknown get their mean.
        invert: from ids to words: a Ragged gives a list of lists, a tensor an array.
        output_mode: "int", "one_hot", "multi_hot", "count" or "tf_idf".
        sparse: refused: vectors are dense.
        salt: a number, or two, that make unknown words share their ids otherwise (SipHash).
        name: shown in summaries and errors.
        pad_to_max_tokens: whether vectors have the size max_tokens, though words are fewer.
        encoding: of words that come as bytes.
        vocabulary_dtype: "string".
        oov_method: "floormod" or "farmhash", for numbers: words go by their hash either way.

    Raises:
        ValueError: there is no vocabulary yet; a word is unknown and `num_oov_indices` is 0; what
            comes is no string. The text says where.

    Example:
        >>> layer = StringLookup()
        >>> layer.adapt([["the", "cat"], ["the", "dog"]])
        >>> layer.get_vocabulary()
        ['[UNK]', 'the', 'dog', 'cat']
        >>> layer([["the", "bird"], [], ["dog"]]).to_list()
        [tensor([1, 0]), tensor([], dtype=torch.int64), tensor([2])]
    """

    def __init__(
        self,
        max_tokens: Positive | None = None,
        num_oov_indices: Count = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        vocabulary_dtype: str = "string",
        oov_method: str = "floormod",
        **kwargs: Unpack[WithoutName],
    ) -> None:
        self.encoding = encoding
        self.oov_method = arguments.word(
            "StringLookup", "oov_method", oov_method, ["floormod", "farmhash"]
        )
        self.vocabulary_dtype = arguments.word(
            "StringLookup", "vocabulary_dtype", vocabulary_dtype, ["string"]
        )
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert,
            output_mode, pad_to_max_tokens, sparse, salt, name=name, **kwargs,
        )  # fmt: skip

    def _tokens_of(self, inputs: Any) -> tuple[list[Any], Arrangement]:
        return strings_of(inputs, self.who, self.encoding)

    def _lines(self, text: str) -> list[Any]:
        return text.splitlines()

    def _bucket(self, token: str) -> int:
        return bucket(token.encode(), self.num_oov_indices, self.salt)

    def _rank(self, token: str) -> Any:
        return token.encode()

    def __call__(self, inputs: Any) -> Any:
        """The ids of strings, or with `invert` the strings of ids."""
        # A graph that is read from a file is drawn before its words are there.
        if not is_symbolic(inputs) or self.output_mode != "int":
            self._check_learned()
        in_a_model = is_symbolic(inputs) or are_bytes(inputs)
        return super().__call__(inputs) if in_a_model else self._asked(inputs)

    def output_spec(self, spec: Spec) -> Spec:
        if self.num_oov_indices:
            return super().output_spec(spec)
        # What a layer is tried on are no words of a vocabulary.
        tried = copy.deepcopy(self)
        tried._ids = _EveryWord()
        return super(StringLookup, tried).output_spec(spec)

    def forward(self, inputs: Any) -> Any:
        """The ids of strings, or with `invert` the strings of ids."""
        if not are_bytes(inputs) or self.invert:
            return super().forward(inputs)
        return super().forward(as_texts(inputs)).to(inputs.device)


class _EveryWord(dict[Any, int]):
    """Words and their ids, in which there is every word: the first of all."""

    def __contains__(self, word: object) -> bool:
        return True

    def get(self, word: Any, default: Any = None) -> Any:
        return 0


IndexLookup.of_dtype["string"] = StringLookup
