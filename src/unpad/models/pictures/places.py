"""Where the boxes of a graph stand: ranks along its edges, few crossings, no overlaps.

After Sugiyama, Tagawa and Toda (1981): boxes in ranks, an edge over several ranks bent at each,
orders by the mean of the neighbours, then places near the neighbours' at distances that suffice.
Everything is told across and along the direction of the edges, so that one way serves all four.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

Size = tuple[float, float]
Point = tuple[float, float]

_SWEEPS = 12
_BETWEEN = 26.0  # across, beside each other
_ALONG = 34.0  # from rank to rank, where the edges run


class Places(NamedTuple):
    """Middles of the boxes, the points that each edge runs through, and the size of it all."""

    boxes: list[Point]
    edges: list[list[Point]]
    size: Size


def place(sizes: Sequence[Size], edges: Sequence[tuple[int, int]]) -> Places:
    """Places boxes so that every edge runs forward.

    Args:
        sizes: of the boxes, across and along.
        edges: from a box to another; there is no circle.
    """
    ranks = _ranks(len(sizes), edges)
    sizes, ranks = list(sizes), list(ranks)
    ways: list[list[int]] = []
    for start, end in edges:
        way = [start]
        for rank in range(ranks[start] + 1, ranks[end]):
            way.append(len(sizes))
            sizes.append((0.0, 0.0))
            ranks.append(rank)
        ways.append([*way, end])
    links = [(a, b) for way in ways for a, b in pairwise(way)]
    rows = _ordered(ranks, links)
    across = _across(rows, links, sizes, len(sizes) - sum(len(way) - 2 for way in ways))
    deep = [max((sizes[i][1] for i in row), default=0.0) for row in rows]
    tops = [sum(deep[:r]) + _ALONG * r for r in range(len(rows))]
    middles = [(across[i], tops[r] + deep[r] / 2) for i, r in enumerate(ranks)]
    count = len(sizes) - sum(len(way) - 2 for way in ways)
    routes = _routes(ways, middles, sizes, ranks, tops, deep)
    far = [across[i] + sizes[i][0] / 2 for i in range(len(sizes))]
    return Places(middles[:count], routes, (max(far, default=0.0), tops[-1] + deep[-1]))


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The longest way to each box; a box that nothing leads to stands right before its reader."""
    rank = [0] * count
    for _ in range(count):
        for start, end in edges:
            rank[end] = max(rank[end], rank[start] + 1)
    fed = {end for _, end in edges}
    for box in range(count):
        readers = [rank[end] for start, end in edges if start == box]
        if box not in fed and readers:
            rank[box] = min(readers) - 1
    return rank


def _ordered(ranks: list[int], links: list[tuple[int, int]]) -> list[list[int]]:
    """The boxes of each rank from left to right, in the best order found."""
    rows: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for box, rank in enumerate(ranks):
        rows[rank].append(box)
    best, fewest = [list(row) for row in rows], _crossings(rows, links)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        place_in = {box: i for row in rows for i, box in enumerate(row)}
        for row in rows if down else reversed(rows):
            means: dict[int, float] = {}
            for box in row:
                near = [a if down else b for a, b in links if (b if down else a) == box]
                found = [place_in[n] for n in near]
                means[box] = sum(found) / len(found) if found else place_in[box]
            row.sort(key=means.__getitem__)
            place_in |= {box: i for i, box in enumerate(row)}
        now = _crossings(rows, links)
        if now < fewest:
            best, fewest = [list(row) for row in rows], now
    return best


def _crossings(rows: list[list[int]], links: list[tuple[int, int]]) -> int:
    place_in = {box: (r, i) for r, row in enumerate(rows) for i, box in enumerate(row)}
    lines = [(place_in[a], place_in[b]) for a, b in links]
    return sum(
        1
        for k, (a, b) in enumerate(lines)
        for c, d in lines[:k]
        if a[0] == c[0] and (a[1] - c[1]) * (b[1] - d[1]) < 0
    )


def _across(
    rows: list[list[int]], links: list[tuple[int, int]], sizes: Sequence[Size], boxes: int
) -> list[float]:
    """Places across, near the neighbours and at distances that suffice.

    Args:
        rows: what stands in each rank.
        links: from rank to rank.
        sizes: across and along.
        boxes: how many are boxes; the others are bends of long edges, which are kept straight.
    """
    near: list[list[tuple[int, int]]] = [[] for _ in sizes]
    for a, b in links:
        pull = (1, 3, 9)[(a >= boxes) + (b >= boxes)]
        near[a].append((b, pull))
        near[b].append((a, pull))
    at = [0.0] * len(sizes)
    pulled = [sum(pull for _, pull in links) or 1 for links in near]
    for row in rows:
        _spread(row, [0.0] * len(row), pulled, sizes, at)
    for sweep in range(20 * _SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [
                sum(at[n] * pull for n, pull in near[box]) / pulled[box] if near[box] else at[box]
                for box in row
            ]
            _spread(row, wanted, pulled, sizes, at)
    left = min((at[i] - sizes[i][0] / 2 for i in range(len(sizes))), default=0.0)
    return [a - left for a in at]


def _spread(
    row: list[int],
    wanted: list[float],
    pulled: list[int],
    sizes: Sequence[Size],
    at: list[float],
) -> None:
    """The places nearest to those wanted, in weighted squares, that keep order and distance.

    With the distances taken off it is a regression that only rises: blocks that would fall are
    joined to their mean.
    """
    shifts, shift = [], 0.0
    for i, box in enumerate(row):
        if i:
            shift += (sizes[row[i - 1]][0] + sizes[box][0]) / 2 + _BETWEEN
        shifts.append(shift)
    blocks: list[tuple[float, int, int]] = []
    for box, want, moved in zip(row, wanted, shifts, strict=True):
        mean, weight, count = want - moved, pulled[box], 1
        while blocks and blocks[-1][0] > mean:
            before, w, n = blocks.pop()
            mean = (before * w + mean * weight) / (w + weight)
            weight, count = w + weight, n + count
        blocks.append((mean, weight, count))
    level = [mean for mean, _, count in blocks for _ in range(count)]
    for box, mean, moved in zip(row, level, shifts, strict=True):
        at[box] = mean + moved


def _routes(
    ways: list[list[int]],
    middles: list[Point],
    sizes: Sequence[Size],
    ranks: list[int],
    tops: list[float],
    deep: list[float],
) -> list[list[Point]]:
    """The points that each edge runs through, from the rim of a box to that of another."""
    routes = []
    for i, way in enumerate(ways):
        start, end = way[0], way[-1]
        leaving = [w for w in ways if w[0] == start]
        coming = [w for w in ways if w[-1] == end]
        leaving.sort(key=lambda w: middles[w[1]][0])
        coming.sort(key=lambda w: middles[w[-2]][0])
        first = middles[start][0] + _port(leaving.index(ways[i]), len(leaving), sizes[start][0])
        last = middles[end][0] + _port(coming.index(ways[i]), len(coming), sizes[end][0])
        points = [(first, middles[start][1] + sizes[start][1] / 2)]
        points.append((first, tops[ranks[start]] + deep[ranks[start]]))
        for box in way[1:-1]:
            rank = ranks[box]
            points += [(middles[box][0], tops[rank]), (middles[box][0], tops[rank] + deep[rank])]
        points += [(last, tops[ranks[end]]), (last, middles[end][1] - sizes[end][1] / 2)]
        routes.append(points)
    return routes


def _port(i: int, count: int, width: float) -> float:
    """Where the i-th of several edges meets a box, from its middle."""
    return (i - (count - 1) / 2) * min(22.0, width / (count + 1))
