"""tree: structures of lists, tuples and dicts, and what is in them."""

from collections import OrderedDict, namedtuple

import pytest

from unpad import Ragged, tree

from .messages import says

Pair = namedtuple("Pair", ["a", "b"])
NESTED = {"b": [1, (2, {"z": 3})], "a": Pair(4, None), "c": ()}


def test_leaves_in_order():
    assert tree.flatten(NESTED) == [4, None, 1, 2, 3]
    assert tree.flatten(OrderedDict(b=1, a=2)) == [1, 2]
    assert tree.flatten(5) == [5]
    assert [path for path, _ in tree.flatten_with_path(NESTED)] == [
        ("a", 0), ("a", 1), ("b", 0), ("b", 1, 0), ("b", 1, 1, "z"),
    ]  # fmt: skip
    batch = Ragged.from_list([[1.0], []])
    assert tree.flatten([batch]) == [batch]


def test_there_and_back():
    packed = tree.pack_sequence_as(NESTED, tree.flatten(NESTED))
    assert packed == NESTED
    assert type(packed["a"]) is Pair
    assert tree.pack_sequence_as(7, ["x"]) == "x"
    with says("pack_sequence_as: expected 5 leaves, got 2."):
        tree.pack_sequence_as(NESTED, [1, 2])


def test_functions_of_leaves():
    assert tree.map_structure(lambda x: [x], {"a": 1, "b": (2,)}) == {"a": [1], "b": ([2],)}
    assert tree.map_structure(lambda a, b: a * b, [1, (2,)], [3, (4,)]) == [3, (8,)]
    assert tree.map_structure(str, [1, None], none_is_leaf=False) == ["1", None]
    ordered = OrderedDict(b=1, a=2)
    assert tree.map_structure(lambda a, b: a + b, ordered, ordered) == {"b": 2, "a": 4}
    assert tree.map_structure_up_to([0, 0], lambda a, b: (a, b), [1, [2]], [3, {4: 5}]) == [
        (1, 3), ([2], {4: 5}),
    ]  # fmt: skip
    assert tree.map_shape_structure(sum, {"x": (1, 2), "y": [(3, 4)]}) == {"x": 3, "y": [7]}
    assert tree.lists_to_tuples([1, {"a": [2]}]) == (1, {"a": (2,)})


def test_walks():
    seen = []
    tree.traverse(seen.append, [(1, 2), {"a": 3}])
    assert seen == [[(1, 2), {"a": 3}], (1, 2), 1, 2, {"a": 3}, 3]
    seen.clear()
    tree.traverse(seen.append, [(1, 2)], top_down=False)
    assert seen == [1, 2, (1, 2), [(1, 2)]]
    sums = tree.traverse(lambda x: sum(x) if isinstance(x, tuple) else None, [(1, 2), [(3, 4)]])
    assert sums == [3, [7]]
    gone = tree.traverse(lambda x: tree.MAP_TO_NONE if x == 1 else None, [1, (1, 2)])
    assert gone == [None, (None, 2)]


@pytest.mark.parametrize(
    ("a", "b"), [([1], (1,)), ([1], [1, 2]), ({"a": 1}, {"b": 1}), ([1], 1), ([1], [[1]])]
)
def test_structures_that_differ(a, b):
    with pytest.raises(ValueError, match="structure"):
        tree.assert_same_structure(a, b)
    tree.assert_same_structure(a, a)
    with pytest.raises(ValueError, match="structure"):
        tree.map_structure(lambda *_: 0, a, b)


def test_paths():
    tree.assert_same_paths([1, (2,)], (3, [4]))
    with says("tree: expected the same paths, but only one has (1,)."):
        tree.assert_same_paths([1, 2], [1])
    assert [tree.is_nested(x) for x in (1, None, [], (1,), {})] == [False, False, True, True, True]
    with says("map_structure: expected a structure."):
        tree.map_structure(abs)
    with says("map_structure: None in the first structure, and not in another."):
        tree.map_structure(abs, [None], [1], none_is_leaf=False)
