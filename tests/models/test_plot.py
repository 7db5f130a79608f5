"""plot_model: files, what is written, colours by what layers do, and no overlaps."""

import re
import subprocess
import sys
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import unpad as keras
from unpad.models.pictures.places import place

from ..examples import draws
from ..messages import says

layers, plot_model = keras.layers, keras.utils.plot_model


def autoencoder():
    return keras.Sequential(
        [
            keras.Input((9, 1)),
            layers.Masking(),
            layers.LSTM(10),
            layers.RepeatVector(9),
            layers.LSTM(10, return_sequences=True),
            layers.TimeDistributed(layers.Dense(1)),
        ],
        name="autoencoder",
    )


def two_heads():
    """A graph with arithmetic, a branch that changes lengths, a nested model, two outputs."""
    words = keras.Input((None,), dtype="int32", name="words")
    author = keras.Input((4,), name="author")
    embedded = layers.Embedding(50, 8, mask_zero=True)(words)
    mixed = layers.Dense(8)(embedded) * 2 + embedded
    inner = keras.Sequential(
        [keras.Input((None, 8), ragged=True), layers.LSTM(8, return_sequences=True),
         layers.Dense(6)],
        name="inner",
    )  # fmt: skip
    walked = inner(mixed)
    pooled = layers.GlobalMaxPooling1D()(layers.Conv1D(8, 3)(mixed))
    known = layers.Dense(8, activation="tanh")(author)
    joined = layers.Concatenate()([pooled, layers.LSTM(5)(walked), known])
    tags = layers.Dense(3)(layers.Add()([walked, layers.Dense(6)(embedded)]))
    return keras.Model([words, author], [layers.Dense(2)(joined), tags], name="two_heads")


def words_in(picture):
    """Everything that is written in a picture."""
    return [text.get_text() for text in picture.figure.axes[0].texts]


def does(picture):
    """The titles of all boxes and what each does, the insides of models last."""
    parts, found = [picture._drawn._parts], []
    for part in parts:
        found += [(box.title, box.does) for box in part.boxes]
        parts += [box.inside for box in part.boxes if box.inside is not None]
    return found


@pytest.mark.parametrize("rankdir", ["TB", "LR", "BT", "RL"])
@pytest.mark.parametrize("make", [autoencoder, two_heads])
@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_files(tmp_path, make, rankdir, kind):
    path = tmp_path / f"model.{kind}"
    plot_model(make(), path, show_shapes=True, rankdir=rankdir, expand_nested=True, dpi=50)
    data = path.read_bytes()
    assert data[:4] == {"png": b"\x89PNG", "svg": b"<?xm", "pdf": b"%PDF"}[kind]
    if kind == "svg":
        ElementTree.fromstring(data)


def test_the_same_model_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        plot_model(two_heads(), tmp_path / f"{name}.svg", show_shapes=True)
        plot_model(two_heads(), str(tmp_path / f"{name}.png"), dpi=40)
    for kind in ("svg", "png"):
        a, b = ((tmp_path / f"{name}.{kind}").read_bytes() for name in ("a", "b"))
        assert a == b


def test_what_layers_do_is_their_colour():
    assert does(plot_model(two_heads(), None, expand_nested=True)) == [
        ("Input", "input"), ("Input", "input"), ("Embedding", "opens"), ("Dense", "keeps"),
        ("mul", "keeps"), ("add", "keeps"), ("Conv1D", "changes"),
        ("GlobalMaxPooling1D", "reduces"), ("Sequential", "keeps"), ("LSTM", "reduces"),
        ("Dense", "rows"), ("Concatenate", "rows"), ("Dense", "rows"), ("Dense", "keeps"),
        ("Add", "keeps"), ("Dense", "keeps"),
        ("Input", "input"), ("LSTM", "keeps"), ("Dense", "keeps"),
    ]  # fmt: skip


def test_shapes_and_the_legend_are_written():
    said = words_in(plot_model(autoencoder(), None, show_shapes=True))
    assert said[0] == "Sequential 'autoencoder'"
    assert said[1:] == [
        "Input", "", "(batch, 9, 1)",
        "Masking", "in", "(batch, 9, 1)", "out", "(batch, steps*, 1)",
        "LSTM", "in", "(batch, steps*, 1)", "out", "(batch, 10)",
        "RepeatVector", "in", "(batch, 10)", "out", "(batch, 9, 10)",
        "LSTM", "in", "(batch, 9, 10)", "out", "(batch, 9, 10)",
        "TimeDistributed of Dense", "in", "(batch, 9, 10)", "out", "(batch, 9, 1)",
        # What does not occur is not explained.
        "opens: from here on only real steps", "reduces each sequence to one row",
        "grids or rows, no sequences", "real steps only", "a grid, or rows",
        "steps*: the real steps of each sequence",
    ]  # fmt: skip


def test_what_else_is_shown():
    model = autoencoder()
    model.layers[-1].trainable = False
    plain = words_in(plot_model(model, None))
    assert "in" not in plain
    assert "lstm (LSTM)" in words_in(plot_model(model, None, show_layer_names=True))
    assert "float32" in words_in(plot_model(model, None, show_dtype=True))
    both = words_in(plot_model(model, None, show_dtype=True, show_shapes=True))
    assert "(batch, steps*, 1) float32" in both
    assert "tanh" in words_in(plot_model(model, None, show_layer_activations=True))
    said = words_in(plot_model(model, None, show_trainable=True))
    assert (said.count("trained"), said.count("frozen")) == (2, 1)


def test_a_shared_layer_and_a_decoder_of_the_inputs_lengths():
    x, y = keras.Input((None, 3)), keras.Input((None, 3))
    shared = layers.Dense(4, name="both")
    outputs = layers.Add()([shared(layers.Masking()(x)), shared(layers.Masking()(x))])
    picture = plot_model(keras.Model([x, y], [outputs, layers.LSTM(2)(y)]), None)
    assert words_in(picture).count("Dense") == words_in(picture).count("Dense, shared") == 1
    model = keras.Sequential(
        [keras.Input((9, 1)), layers.Masking(), layers.LSTM(4), layers.RepeatVector(like="input")]
    )
    edges = plot_model(model, None)._drawn._parts.edges
    assert edges == [(0, 1, False), (1, 2, True), (2, 3, False), (1, 3, True)]


def test_a_notebook_shows_it():
    picture = plot_model(autoencoder(), None)
    ElementTree.fromstring(picture._repr_svg_())
    assert repr(picture) == "<Picture of Sequential 'autoencoder'>"
    assert picture.figure.get_size_inches().min() > 1


def rectangles(drawn, corner=(0.0, 0.0)):
    """The boxes of one drawing as left, top, right, bottom."""
    return [
        (corner[0] + x - w / 2, corner[1] + y - h / 2, corner[0] + x + w / 2, corner[1] + y + h / 2)
        for (x, y), (w, h) in zip(drawn._middles, drawn._sizes, strict=True)
    ]


def apart(a, b):
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


@pytest.mark.parametrize("rankdir", ["TB", "LR", "BT", "RL"])
def test_boxes_do_not_overlap_and_texts_stay_in_them(rankdir):
    picture = plot_model(two_heads(), None, True, True, True, rankdir, expand_nested=True)
    waiting = [picture._drawn]
    while waiting:
        drawn = waiting.pop()
        found = rectangles(drawn)
        assert all(apart(a, b) for a, b in combinations(found, 2))
        assert all(r[0] >= 0 and r[2] <= drawn.size[0] + 1e-6 for r in found)
        assert all(r[1] >= 0 and r[3] <= drawn.size[1] + 1e-6 for r in found)
        waiting += [inside for inside in drawn._inside if inside is not None]
    figure = picture.figure
    figure.canvas.draw()
    width, height = figure.bbox.width, figure.bbox.height
    extents = [t.get_window_extent() for t in figure.axes[0].texts if t.get_text()]
    assert all(e.x0 >= 0 and e.x1 <= width and e.y0 >= 0 and e.y1 <= height for e in extents)
    assert not [1 for a, b in combinations(extents, 2) if not apart(a.extents, b.extents)]


@st.composite
def graphs(draw):
    """Sizes of boxes, and edges from earlier boxes to later ones, no box alone."""
    count = draw(st.integers(2, 9))
    sizes = [(draw(st.integers(20, 200)), draw(st.integers(20, 90))) for _ in range(count)]
    edges = [(draw(st.integers(0, i - 1)), i) for i in range(1, count)]
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    more = [(a, b) for a, b in draw(st.lists(pairs, max_size=6)) if a < b]
    return sizes, list(dict.fromkeys(edges + more))


@draws(40)
@given(graphs())
def test_no_box_on_a_box_and_no_edge_through_one(graph):
    sizes, edges = graph
    places = place(sizes, edges)
    boxes = [
        (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        for (x, y), (w, h) in zip(places.boxes, sizes, strict=True)
    ]
    assert all(apart(a, b) for a, b in combinations(boxes, 2))
    for (start, end), route in zip(edges, places.edges, strict=True):
        assert places.boxes[start][1] < places.boxes[end][1]
        heights = [y for _, y in route]
        assert heights == sorted(heights)
        for a, b in pairwise(route):
            if a[0] != b[0]:
                continue  # in the gap between two ranks, where no box stands
            line = (a[0], a[1], a[0], b[1])
            hit = [i for i, box in enumerate(boxes) if not apart(box, line)]
            inside = [i for i in hit if boxes[i][0] < a[0] < boxes[i][2]]
            inside = [i for i in inside if a[1] < boxes[i][3] and boxes[i][1] < b[1]]
            assert inside == []


def test_an_edge_over_several_ranks_is_straight():
    """Boxes of other widths stand aside for it; what is left is from its ends' places."""
    sizes = [(40, 20), (300, 20), (40, 20), (220, 20), (40, 20), (40, 20)]
    places = place(sizes, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 5), (0, 4)])
    bends = [x for x, _ in places.edges[-1]][2:-2]
    assert max(bends) - min(bends) < 20


class Mine(keras.Model):
    def forward(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: plot_model(Mine(), None),
         "plot_model: expected a Sequential or a model drawn from symbols, got Mine, which has no "
         "graph: what its forward does is not known. Draw it: Model(inputs, outputs)."),
        (lambda: plot_model(autoencoder(), "model.txt"),
         "plot_model: unknown kind of file 'txt'; "),
        (lambda: plot_model(autoencoder(), None, rankdir="UP"),
         "plot_model: unknown rankdir 'UP'; "),
        (lambda: plot_model(keras.Sequential([layers.Dense(1)]), None),
         "Sequential: not built yet: begin with keras.Input(shape=...), or train first."),
        (lambda: plot_model(autoencoder(), None, layer_range=["a", "b"]),
         "plot_model: layer_range=['a', 'b'] is not supported. Leave it out."),
    ],
    ids=lambda v: v[:40] if isinstance(v, str) else "",
)  # fmt: skip
def test_what_it_says(call, text):
    with says(text):
        call()


def test_a_model_built_by_its_data_is_drawn():
    model = keras.Sequential([layers.LSTM(3)])
    model(keras.Ragged.from_list([[[1.0, 2.0]]]))
    assert "(batch, steps*, 2)" in words_in(plot_model(model, None, show_shapes=True))


def test_without_matplotlib_it_says_so():
    code = (
        "import sys, unpad as keras; sys.modules['matplotlib'] = None\n"
        "keras.utils.plot_model(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]), None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert re.fullmatch(
        r"ImportError: plot_model: matplotlib is not installed\. Install it: pip install "
        r"'unpad\[plot\]'\.",
        last,
    )
