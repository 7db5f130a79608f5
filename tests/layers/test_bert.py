"""A BERT of Transformers with random weights in a Grid, and a CRF behind it."""

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

import unpad as keras

L = keras.layers

SENTENCES = [[3, 5, 6], [7], [8, 9, 10, 11, 4], []]
TAGS = [[0, 1, 2], [1], [0, 0, 1, 2, 1], []]


def bert(**options):
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    quiet = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    config = BertConfig(vocab_size=30, intermediate_size=16, **sizes, **quiet)
    return BertModel(config, **{"add_pooling_layer": False, **options})


def tagger(encoder):
    ids = keras.Input((None,))
    h = L.Grid(encoder, mask="attention_mask", inputs="input_ids")(ids)
    return keras.Model(ids, h), keras.Model(ids, L.CRF()(L.Dense(3)(h)))


def test_each_sentence_is_as_alone():
    states, model = tagger(bert())
    together = states.predict(SENTENCES, verbose=0)
    assert [len(s) for s in together] == [3, 1, 5, 0]
    for i, sentence in enumerate(SENTENCES):
        alone = states.predict([sentence], verbose=0)[0]
        np.testing.assert_allclose(alone, together[i], atol=1e-5, rtol=0)
    grid = np.array([s + [0] * (7 - len(s)) for s in SENTENCES[:3]])
    assert states.predict(grid, verbose=0).shape == (3, 7, 16)
    assert model.output.shape == (None, None, 3)


def test_it_is_trained_by_fit():
    encoder = bert()
    _, model = tagger(encoder)
    before = [w.clone() for w in encoder.parameters()]
    model.compile(keras.optimizers.Adam(0.01), "crf")
    losses = model.fit(SENTENCES, TAGS, epochs=20, batch_size=2, verbose=0).history["loss"]
    assert losses[-1] < 0.1 < losses[0]
    moved = [not torch.equal(a, b) for a, b in zip(before, encoder.parameters(), strict=True)]
    assert all(moved)
    found = model.predict(SENTENCES, verbose=0)
    assert [np.argmax(p, -1).tolist() for p in found[:3]] == TAGS[:3]
    values = [model.evaluate(SENTENCES, TAGS, batch_size=n, verbose=0) for n in (1, 4)]
    assert values[0] == pytest.approx(values[1], abs=1e-5)


def test_a_row_a_sentence_is_one_of_its_outputs():
    pooled = L.Grid(bert(add_pooling_layer=True), mask="attention_mask", take="pooler_output")
    together = pooled(keras.Ragged.from_list(SENTENCES))
    assert together.shape == (4, 16)
    alone = pooled(keras.Ragged.from_list(SENTENCES[1:2]))
    torch.testing.assert_close(alone[0], together[1], atol=1e-5, rtol=0)


def test_without_its_mask_it_is_told():
    with pytest.raises(ValueError, match=r"^Grid: BertModel gives other numbers for a sequence"):
        L.Grid(bert())(keras.Ragged.from_list(SENTENCES))
