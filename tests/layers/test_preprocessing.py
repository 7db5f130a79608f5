"""Normalization, StringLookup, TextVectorization, CategoryEncoding.

What the layers of strings give is pinned: the numbers are those of Keras 3.15.1 on tensorflow,
which its own need.
"""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad as keras
from unpad import Ragged
from unpad.core.spec import Spec
from unpad.layers.text.fingerprint import fingerprint
from unpad.testing import coded, grid

from ..messages import says
from ..strategies import lengths, sides

L = keras.layers
TEXTS = [
    "The cat sat, on the mat!", "A dog; a cat.  The\tend", "mat mat É é",
    "x\u00a0y it's über-cool",
]  # fmt: skip
WORDS = [
    "the",
    "mat",
    "cat",
    "a",
    "übercool",
    "é",
    "É",
    "x\u00a0y",
    "sat",
    "on",
    "its",
    "end",
    "dog",
]


def adapted(kind, data, **options):
    layer = kind(**options)
    layer.adapt(data)
    return layer


# --- Normalization -------------------------------------------------------------------------------


@given(lengths, sides)
def test_padding_has_no_part_in_the_statistics(sizes, side):
    ragged = coded(sizes, (2,), torch.float64)
    if not ragged.steps:
        return
    x, mask = grid(ragged, side)
    layer = adapted(L.Normalization, Ragged.from_padded(x, mask=mask))
    torch.testing.assert_close(layer.mean, ragged.values.mean(0).float())
    torch.testing.assert_close(layer.variance, ragged.values.var(0, correction=0).float())
    assert layer.count == ragged.steps


def test_statistics_after_a_door():
    x = np.array([[[1.0, 9.0], [-1.0, -1.0]], [[3.0, 5.0], [5.0, 1.0]]], dtype="float32")
    layer = adapted(L.Normalization, L.Masking(-1.0)(x))
    assert layer.mean.tolist() == [3, 5]
    out = layer(L.Masking(-1.0)(x))
    assert out.lengths.tolist() == [1, 2]
    torch.testing.assert_close(out.values.mean(0), torch.zeros(2))


def test_adapt_forgets():
    layer = adapted(L.Normalization, torch.arange(6.0).reshape(3, 2))
    layer.adapt(torch.ones(4, 2))
    assert layer.mean.tolist() == [1, 1]
    assert layer.variance.tolist() == [0, 0]


def test_there_and_back():
    data = coded([2, 0, 3], (4,), torch.float32)
    there, back = (adapted(L.Normalization, data, invert=i) for i in (False, True))
    torch.testing.assert_close(back(there(data)).values, data.values)


def test_whole_numbers_become_floating():
    layer = adapted(L.Normalization, torch.tensor([[1], [3]]))
    assert layer(torch.tensor([[3]])).tolist() == [[1.0]]
    assert layer.output_spec(Spec((1,), dtype=torch.int64)).dtype == torch.float32


def test_statistics_are_no_weights_of_the_optimiser():
    layer = adapted(L.Normalization, torch.arange(6.0).reshape(3, 2))
    assert list(layer.parameters()) == []
    fresh = L.Normalization()
    fresh(torch.zeros(1, 2))
    fresh.set_weights(layer.get_weights())
    assert fresh.mean.tolist() == layer.mean.tolist()


def test_normalization_refuses():
    sequences = Spec((3,), True)
    with says(
        "Normalization: axis 1 of (batch, steps*, 3) is the time of sequences, which has no "
        "statistics of its own. Features: axis=-1; one mean and variance of all: axis=None."
    ):
        L.Normalization(1).output_spec(sequences)
    with says("Normalization: axis 0 of (batch, 3) is the batch, which has no statistics"):
        L.Normalization(0).output_spec(Spec((3,)))
    with says("Normalization: axis -1 of (batch, time) has no known size."):
        L.Normalization().output_spec(Spec((None,)))
    with says("Normalization: axis 4 of (batch, 3), which has 2 axes."):
        L.Normalization(4).output_spec(Spec((3,)))
    with says("Normalization: expected both mean and variance, or none of them."):
        L.Normalization(mean=1.0)
    with says(
        "Normalization: expected mean and variance of one shape, with 1 axes at most, got (2,) and "
        "(3,)."
    ):
        L.Normalization(mean=[1.0, 2.0], variance=[1.0, 2.0, 3.0])
    with says("Normalization: adapt got no step."):
        L.Normalization().adapt(coded([0, 0], (3,)))
    with says("Normalization: adapt, but mean and variance were given."):
        L.Normalization(mean=0.0, variance=1.0).adapt(torch.ones(2, 3))
    with says("Normalization: built for (2,) features, got (batch, 3)."):
        adapted(L.Normalization, torch.ones(2, 2)).adapt(torch.ones(2, 3))


# --- CategoryEncoding ----------------------------------------------------------------------------


@given(lengths, st.integers(1, 3))
def test_vectors_of_sequences(sizes, ids_a_step):
    ids = coded(sizes, (ids_a_step,), torch.int64).map(lambda v: v % 7)
    flat = ids.map(lambda v: v[:, 0])
    count, hot = (L.CategoryEncoding(7, mode) for mode in ("count", "multi_hot"))
    for i, sequence in enumerate(flat):
        assert torch.equal(count(flat)[i], torch.bincount(sequence, minlength=7).float())
        assert torch.equal(hot(flat)[i], (torch.bincount(sequence, minlength=7) > 0).float())
    each = count(ids)
    assert each.layout is ids.layout
    expected = [torch.bincount(step, minlength=7).tolist() for step in ids.values]
    assert each.values.tolist() == expected
    assert L.CategoryEncoding(7, "one_hot")(flat).values.argmax(-1).tolist() == flat.values.tolist()


def test_counts_of_sequences_with_weights():
    ids = Ragged(torch.tensor([0, 2, 2]), torch.tensor([0, 3, 3]))
    weights = ids.with_values(torch.tensor([0.5, 1.0, 2.0], requires_grad=True))
    out = L.CategoryEncoding(3, "count")(ids, count_weights=weights)
    assert out.tolist() == [[0.5, 0, 3], [0, 0, 0]]
    out.sum().backward()
    assert weights.values.grad.tolist() == [1, 1, 1]


def test_category_encoding_refuses():
    layer = L.CategoryEncoding(4)
    with says("CategoryEncoding: id 4 in sequence 1, step 0, but num_tokens is 4. Ids are 0 to 3."):
        layer(Ragged.from_list([[0, 3], [4]]))
    with says("CategoryEncoding: id -1 in sequence 0, step 1, but num_tokens is 4."):
        layer([[0, -1]])
    with says("CategoryEncoding: the id in sequence 0, step 1 is 0.5; ids are integers."):
        layer([[0, 0.5]])
    with says(
        "CategoryEncoding: multi_hot is over the ids of a sequence, but (2) has one id a row. "
        "One row of them: ids[None]; a vector for each: output_mode='one_hot'."
    ):
        layer([0, 1])
    with says("CategoryEncoding: count_weights go with output_mode='count', not 'multi_hot'."):
        L.CategoryEncoding(4)([[0]], count_weights=torch.ones(1, 1))
    with says("CategoryEncoding: expected num_tokens as a positive integer, got None."):
        L.CategoryEncoding()
    with says("CategoryEncoding: unknown output_mode 'multihot'; did you mean 'multi_hot'?"):
        L.CategoryEncoding(4, "multihot")
    with says("CategoryEncoding: sparse=True is not supported. Leave it out."):
        L.CategoryEncoding(4, sparse=True)


# --- StringLookup --------------------------------------------------------------------------------


def test_fingerprints():
    """Pinned: tensorflow's to_hash_bucket_fast with 2**31 - 1 buckets."""
    expected = {
        "": 1699943623, "a": 493484721, "ab": 399016389, "abc": 1043552938, "abcd": 2127136445,
        "abcdefg": 357369260, "abcdefgh": 245091680, "abcdefghijklmnop": 533456409,
        "q" * 17: 1816091665, "hello world, this is 29 bytes!": 314047776, "x" * 32: 848040801,
        "x" * 33: 410535650, "y" * 64: 245492011, "y" * 65: 4878865, "z" * 127: 1855796106,
        "z" * 128: 1066478439, "z" * 129: 1702031710, "w" * 200: 1200494991,
        "".join(chr(33 + i % 90) for i in range(300)): 1064300058,
    }  # fmt: skip
    assert {w: fingerprint(w.encode()) % (2**31 - 1) for w in expected} == expected


def test_the_vocabulary_is_in_keras_order():
    layer = adapted(L.StringLookup, [["a", "c", "d"], ["d", "z", "b"]])
    assert layer.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    assert layer.get_vocabulary(include_special_tokens=False) == ["d", "z", "c", "b", "a"]
    assert layer.vocabulary_size() == 6
    capped = adapted(L.StringLookup, [["a", "c", "d"], ["d", "z", "b"]], max_tokens=3)
    assert capped.get_vocabulary() == ["[UNK]", "d", "z"]


def test_ids_are_arranged_as_the_strings():
    layer = L.StringLookup(vocabulary=["a", "b"])
    sequences = layer([["a", "q", "b"], [], ["b"]])
    assert [s.tolist() for s in sequences] == [[1, 0, 2], [], [2]]
    # Sequences are sequences, even of one length.
    assert isinstance(layer([["a"], ["b"]]), Ragged)
    assert layer(["a", "b", "q"]).tolist() == [1, 2, 0]
    assert layer(np.array([["a", "q"], ["b", "b"]])).tolist() == [[1, 0], [2, 2]]
    assert layer(np.array([["a"], ["b", "q"]], dtype=object)).lengths.tolist() == [1, 2]
    assert layer("b").tolist() == 2
    assert layer([b"a", "b"]).tolist() == [1, 2]
    assert layer([]).shape == (0,)


def test_arrow_columns():
    pyarrow = pytest.importorskip("pyarrow")
    column = pyarrow.array([["a", "b"], [], ["q"]])
    layer = adapted(L.StringLookup, column)
    assert layer.get_vocabulary() == ["[UNK]", "q", "b", "a"]
    assert layer(column).lengths.tolist() == [2, 0, 1]


def test_unknown_words_share_ids_by_their_fingerprint():
    """Pinned: Keras's ids."""
    layer = L.StringLookup(vocabulary=["a", "b"], mask_token="", num_oov_indices=3)
    assert layer.get_vocabulary() == ["", "[UNK]", "[UNK]", "[UNK]", "a", "b"]
    words = ["", "a", "b", "q", "hello", "a much longer string than the others", "é", "x" * 40]
    assert layer(words).tolist() == [0, 4, 5, 3, 2, 1, 2, 1]


def test_ids_back_to_words():
    layer = L.StringLookup(vocabulary=["a", "b"], mask_token="", invert=True)
    assert layer(np.array([[0, 1, 2, 3, 9]])).tolist() == [["", "[UNK]", "a", "b", "[UNK]"]]
    assert layer(Ragged.from_list([[2, 3], []])) == [["a", "b"], []]
    assert layer(torch.tensor(3)) == "b"


@pytest.mark.parametrize(
    ("mode", "expected", "alone"),
    [
        ("multi_hot", [[1, 1, 0], [0, 1, 1]], [0, 1, 1]),
        ("count", [[1, 1, 0], [0, 1, 2]], [0, 1, 1]),
        (
            "one_hot", [[0, 1, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 1, 0]],
            [[0, 1, 0], [0, 0, 1]],
        ),
    ],
)  # fmt: skip
def test_vectors_of_words(mode, expected, alone):
    """Pinned: Keras's numbers; the mask's token counts as none."""
    layer = L.StringLookup(vocabulary=["a", "b"], mask_token="", output_mode=mode)
    assert layer.get_vocabulary() == ["[UNK]", "a", "b"]
    out = layer([["a", "", "q"], ["b", "b", "a"]])
    assert (out.values if isinstance(out, Ragged) else out).tolist() == expected
    assert layer(["a", "b"]).tolist() == alone


def test_tf_idf():
    """Pinned: Keras's numbers."""
    data = [["a", "c", "d", "d"], ["d", "z", "b", "z"]]
    given = L.StringLookup(
        vocabulary=["a", "b", "c", "d"], output_mode="tf_idf", idf_weights=[0.25, 0.75, 0.6, 0.4]
    )
    expected = torch.tensor([[0, 0.25, 0, 0.6, 0.8], [1, 0, 0.75, 0, 0.4]])
    torch.testing.assert_close(given(data), expected)
    learned = adapted(L.StringLookup, data, output_mode="tf_idf")
    assert learned.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    expected = torch.tensor([
        [0, 1.021651268005371, 0, 0.6931471824645996, 0, 0.6931471824645996],
        [0.6566828489303589, 0.5108256340026855, 0.6931471824645996, 0, 0.6931471824645996, 0],
    ])  # fmt: skip
    torch.testing.assert_close(learned([["a", "c", "d", "d"], ["d", "z", "b", "q"]]), expected)


def test_vectors_of_the_largest_size():
    layer = L.StringLookup(
        vocabulary=["a"], max_tokens=4, pad_to_max_tokens=True, output_mode="count"
    )
    assert layer([["a", "a"], []]).tolist() == [[0, 2, 0, 0], [0, 0, 0, 0]]


def test_batches_of_strings():
    layer = L.StringLookup()
    layer.adapt(iter([["a", "b"], ["b"], ["c", "c", "c"]]), steps=2)
    assert layer.get_vocabulary() == ["[UNK]", "b", "a"]


def test_a_file_of_words(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("a\nb\n")
    layer = L.StringLookup(vocabulary=str(path))
    assert layer.get_vocabulary() == ["[UNK]", "a", "b"]
    assert L.StringLookup.from_config(layer.get_config()).get_vocabulary() == ["[UNK]", "a", "b"]


@pytest.mark.parametrize("kind", [L.StringLookup, L.TextVectorization])
def test_the_vocabulary_is_kept(kind):
    layer = adapted(kind, ["a", "b", "b"], output_mode="tf_idf")
    fresh = kind(output_mode="tf_idf")
    fresh.load_state_dict(layer.state_dict())
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), fresh):
        assert other.get_vocabulary() == layer.get_vocabulary()
        assert torch.equal(other(["a", "b q"]), layer(["a", "b q"]))


def test_string_lookup_refuses():
    known = L.StringLookup(vocabulary=["a"])
    with says(
        "StringLookup: there is no vocabulary yet. Learn one, layer.adapt(data), or give it: "
        "vocabulary=[...]."
    ):
        L.StringLookup()(["a"])
    with says("StringLookup: expected strings, got None at place 1."):
        known(["a", None])
    with says("StringLookup: expected strings, got int 3 in sequence 1, step 0."):
        known([["a"], [3]])
    with says("StringLookup: expected sequences of strings, got str 'b' as sequence 1."):
        known([["a"], "b"])
    with says("StringLookup: expected strings, got Tensor."):
        known(torch.ones(2))
    with says(
        "StringLookup: 'b' in sequence 1, step 0 is not in the vocabulary, and num_oov_indices is "
        "0. With num_oov_indices=1 unknown words share an id."
    ):
        L.StringLookup(vocabulary=["a"], num_oov_indices=0)([["a"], ["b"]])
    with says(
        "StringLookup: takes strings, and got (batch, time). Texts come into a model by "
        "keras.Input((1,), dtype='string'); before it: ids = layer(texts)."
    ):
        keras.Sequential([keras.Input((None,)), known])
    with says("StringLookup: takes strings, and got (batch, time)."):
        known(keras.Input((None,)))
    with says("StringLookup: adapt, but the vocabulary was given."):
        known.adapt(["b"])
    with says("StringLookup: steps counts the batches of an iterable; the data came whole."):
        L.StringLookup().adapt(["b"], steps=2)
    with says("StringLookup: expected a vocabulary of different words; 'a' is there twice."):
        L.StringLookup(vocabulary=["a", "b", "a"])
    with says("StringLookup: expected a vocabulary of different words; it is empty."):
        L.StringLookup(vocabulary=[])
    with says(
        "StringLookup: the mask_token '' is among the vocabulary's words. Leave it out, or begin "
        "with all special tokens: ['', '[UNK]']."
    ):
        L.StringLookup(vocabulary=["a", ""], mask_token="")
    with says("StringLookup: the oov_token '[UNK]' is among the vocabulary's words. Leave it out"):
        L.StringLookup(vocabulary=["a", "[UNK]"], invert=True)
    with says(
        "StringLookup: the vocabulary has 3 words with the special ones, but max_tokens is 2."
    ):
        L.StringLookup(vocabulary=["a", "b"], max_tokens=2)
    with says("StringLookup: expected max_tokens as an integer from 2 or None, got 1."):
        L.StringLookup(1)
    with says("StringLookup: expected num_oov_indices as an integer from 0, got -1."):
        L.StringLookup(num_oov_indices=-1)
    with says("StringLookup: pad_to_max_tokens needs max_tokens, and an output_mode that gives"):
        L.StringLookup(pad_to_max_tokens=True)
    with says("StringLookup: invert gives words, not 'count'."):
        L.StringLookup(invert=True, output_mode="count")
    with says("StringLookup: idf_weights go with output_mode='tf_idf' and a vocabulary."):
        L.StringLookup(idf_weights=[1.0])
    with says("StringLookup: idf_weights go with output_mode='tf_idf', and only so."):
        L.StringLookup(vocabulary=["a"], output_mode="tf_idf")
    with says("StringLookup: expected 1 idf_weights, one a word, got 2."):
        L.StringLookup(vocabulary=["a"], output_mode="tf_idf", idf_weights=[1.0, 2.0])
    with says("StringLookup: expected salt as an integer or two, got 'x'."):
        L.StringLookup(salt="x")
    with says("StringLookup: unknown output_mode 'ints'; did you mean 'int'?"):
        L.StringLookup(output_mode="ints")


# --- TextVectorization ---------------------------------------------------------------------------


def test_texts_become_sequences_of_ids():
    """Pinned: Keras's vocabulary and ids, ASCII letters and spaces only."""
    layer = adapted(L.TextVectorization, TEXTS)
    assert layer.get_vocabulary() == ["", "[UNK]", *WORDS]
    out = layer([*TEXTS, "", "!?"])
    assert [s.tolist() for s in out] == [
        [2, 4, 10, 11, 2, 3], [5, 14, 5, 4, 2, 13], [3, 3, 8, 7], [9, 12, 6], [], [],
    ]  # fmt: skip
    assert layer(TEXTS[2]).tolist() == [3, 3, 8, 7]
    assert layer(np.array(TEXTS)[:, None]).lengths.tolist() == [6, 6, 4, 3]
    assert L.Embedding(layer.vocabulary_size(), 2)(out).lengths.tolist() == [6, 6, 4, 3, 0, 0]


def test_padded_texts():
    """Pinned: Keras's ids, with runs of two words."""
    layer = adapted(L.TextVectorization, TEXTS, max_tokens=8, ngrams=2, output_sequence_length=5)
    assert layer.get_vocabulary() == ["", "[UNK]", *WORDS[:6]]
    assert layer(TEXTS).tolist() == [
        [2, 4, 1, 1, 2], [5, 1, 5, 4, 2], [3, 3, 1, 7, 1], [1, 1, 6, 1, 1],
    ]  # fmt: skip
    cut = adapted(L.TextVectorization, TEXTS, output_sequence_length=5, ragged=True)
    assert cut(TEXTS).lengths.tolist() == [5, 5, 4, 3]
    padded = adapted(L.TextVectorization, TEXTS, ragged=False)
    assert padded(TEXTS).tolist() == [
        [2, 4, 10, 11, 2, 3], [5, 14, 5, 4, 2, 13], [3, 3, 8, 7, 0, 0], [9, 12, 6, 0, 0, 0],
    ]  # fmt: skip


def test_runs_of_words():
    """Pinned: Keras's vocabulary and counts."""
    layer = adapted(L.TextVectorization, TEXTS[:2], ngrams=(2,), output_mode="count")
    assert layer.get_vocabulary() == [
        "[UNK]", "the mat", "the end", "the cat", "sat on", "on the", "dog a", "cat the", "cat sat",
        "a dog", "a cat",
    ]  # fmt: skip
    assert layer(TEXTS[:2]).tolist() == [
        [0, 1, 0, 1, 1, 1, 0, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 1],
    ]  # fmt: skip


def test_tf_idf_of_texts():
    """Pinned: Keras's numbers."""
    layer = adapted(L.TextVectorization, TEXTS[:3], output_mode="tf_idf")
    a, b, c, d = 1.3862943649291992, 0.6931471824645996, 0.9162907600402832, 1.8325815200805664
    expected = torch.tensor([
        [0, a, b, b, 0, 0, 0, c, c, 0, 0], [0, b, 0, b, d, 0, 0, 0, 0, c, c],
    ])  # fmt: skip
    torch.testing.assert_close(layer(TEXTS[:2]), expected)


def test_characters():
    """Pinned: Keras's vocabulary and ids."""
    layer = adapted(L.TextVectorization, ["ab", "bé"], split="character", standardize=None)
    assert layer.get_vocabulary() == ["", "[UNK]", "b", "é", "a"]
    assert [s.tolist() for s in layer(["aé", "zb b"])] == [[4, 3], [1, 2, 1, 2]]


def test_functions_of_texts():
    layer = adapted(
        L.TextVectorization, ["Ä-b", "b"], standardize=np.vectorize(str.lower),
        split=lambda text: text.split("-"),
    )  # fmt: skip
    assert layer.get_vocabulary() == ["", "[UNK]", "b", "ä"]
    words = adapted(L.TextVectorization, [["a", "B"], ["b"]], split=None)
    assert words.get_vocabulary() == ["", "[UNK]", "b", "a"]
    assert [s.tolist() for s in words([["A", "c"], [], ["b"]])] == [[3, 1], [], [2]]


def test_text_vectorization_from_its_configuration():
    layer = L.TextVectorization(vocabulary=["a", "b"], ngrams=2, output_sequence_length=3)
    again = L.TextVectorization.from_config(layer.get_config())
    assert again(["b a b"]).tolist() == layer(["b a b"]).tolist() == [[3, 2, 3]]


def test_text_vectorization_refuses():
    known = L.TextVectorization(vocabulary=["a"])
    with says("TextVectorization: there is no vocabulary yet. Learn one, layer.adapt(texts), or "):
        L.TextVectorization()(["a"])
    with says("TextVectorization: takes strings, and got (batch, time)."):
        keras.Sequential([keras.Input((None,)), known])
    with says("TextVectorization: takes strings, and got (batch, time)."):
        known(keras.Input((None,)))
    with says("TextVectorization: adapt, but the vocabulary was given."):
        known.adapt(["b"])
    with says(
        "TextVectorization: expected one text a row, but row 1 has 2. For texts that are lists of "
        "words: split=None."
    ):
        known([["a"], ["a", "b"]])
    with says("TextVectorization: expected one text a row, got an array (1, 2). For texts that"):
        known(np.array([["a", "b"]]))
    with says("TextVectorization: expected strings, got float 3.0 at place 0."):
        known([3.0])
    with says(
        "TextVectorization: standardize got 2 texts and gave (1,). It takes an array of texts and "
        "gives one; a function of one text: np.vectorize(function)."
    ):
        L.TextVectorization(vocabulary=["a"], standardize=lambda x: x[:1])(["a", "b"])
    with says("TextVectorization: unknown standardize 'upper'; "):
        L.TextVectorization(standardize="upper")
    with says("TextVectorization: unknown split 'words'; "):
        L.TextVectorization(split="words")
    with says(
        "TextVectorization: expected ngrams as a positive integer or a tuple of them, or None, "
        "got 0."
    ):
        L.TextVectorization(ngrams=0)
    with says(
        "TextVectorization: output_sequence_length and ragged go with output_mode='int', not "
        "'count'."
    ):
        L.TextVectorization(output_mode="count", output_sequence_length=3)
    with says(
        "TextVectorization: expected output_sequence_length as a positive integer or None, got 0."
    ):
        L.TextVectorization(output_sequence_length=0)
    with says("TextVectorization: batch_size=3 is not supported. Leave it out."):
        L.TextVectorization().adapt(["a"], batch_size=3)
    with says("TextVectorization: sparse=True is not supported. Leave it out."):
        L.TextVectorization(sparse=True)


def test_a_lookup_is_that_of_its_tokens_type():
    """Keras's base class, which its layers are made of, gives the layer of that type."""
    of, options = keras.layers.IndexLookup, {"max_tokens": 7, "num_oov_indices": 1}
    told = {"mask_token": "", "oov_token": "[OOV]", "vocabulary_dtype": "string"}
    words = of(**options, **told, vocabulary=["one", "two"])
    assert type(words) is keras.layers.StringLookup
    assert words(["two", "three"]).tolist() == [3, 1]
    numbers = of(**options, mask_token=0, oov_token=-1, vocabulary_dtype="int64")
    numbers.adapt([5, 5, 7])
    assert type(numbers) is keras.layers.IntegerLookup
    assert numbers.get_vocabulary() == [0, -1, 5, 7]
    with says("IndexLookup: unknown vocabulary_dtype 'float32'; "):
        of(**options, mask_token=0, oov_token=-1, vocabulary_dtype="float32")
    with says("StringLookup: unknown vocabulary_dtype 'int64'; Known are: string."):
        keras.layers.StringLookup(vocabulary_dtype="int64")


def test_a_mask_of_ones_and_zeros_is_a_mask():
    x, mask = np.arange(6.0, dtype="float32").reshape(2, 3), np.array([[1.0, 1, 0], [1, 0, 0]])
    pooled = keras.layers.GlobalMaxPooling1D()(x[..., None], mask=mask)
    assert pooled.tolist() == [[1], [3]]
    with says("GlobalMaxPooling1D: Ragged.from_padded: expected mask as (batch, time)"):
        keras.layers.GlobalMaxPooling1D()(x[..., None], mask=mask * 0.5)
