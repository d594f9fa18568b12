"""Branch and bound over where the centres are, each node bounded by multipliers.

A node says how many centres each of some disjoint sets of columns (*cells*) has. Halving a cell by a line gives a child
for each way to share its centres. The least bound of all nodes holds for the problem: every plan is in one of them.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass, field

import numpy as np

from merestone.core.design.bound.ground import Made
from merestone.core.design.loops import bounds as loops

DIRECTIONS = np.array([[1.0, 0.0], [0.0, 1.0], [0.7071, 0.7071], [0.7071, -0.7071]])
MEMORY, PATIENCE, SHRINK = 0.8, 12.0, 0.7
"""Share of the old direction in a step; steps without gain before they are made shorter, and by how much."""
SMALL = 0.02


@dataclass(eq=False)
class Node:
    """Columns in cells, how many centres each cell has, and what no plan of it costs less than."""

    columns: np.ndarray
    starts: np.ndarray
    wanted: np.ndarray
    value: float
    gains: np.ndarray
    use: np.ndarray
    """How often each column was chosen lately."""
    depth: int = 0


@dataclass(order=True)
class Entry:
    """A node on the heap."""

    value: float
    number: int
    node: Node = field(compare=False)


class Branches:
    """The nodes of one problem, and the work on them."""

    def __init__(self, made: Made, gains: np.ndarray) -> None:
        self.made, self.room = made, made.room()
        homes, free = made.home_columns, made.free_columns
        columns = np.concatenate([free, homes]).astype(np.int32)
        starts = np.concatenate([[0], len(free) + np.arange(len(homes) + 1)]).astype(np.int32)
        wanted = np.concatenate([[made.wanted], np.ones(len(homes))]).astype(np.int32)
        self.heap: list[Entry] = []
        self.number = 0
        self.closed = np.inf
        """Least value of what is done with."""
        root = Node(columns, starts, wanted, -np.inf, gains.copy(), np.zeros(len(columns)))
        self.push(root)

    @property
    def value(self) -> float:
        """What no plan costs less than, given that a plan of cost ``closed`` or more may be anywhere."""
        return min(self.heap[0].value if self.heap else np.inf, self.closed)

    def push(self, node: Node) -> None:
        """Put a node back."""
        self.number += 1
        heapq.heappush(self.heap, Entry(node.value, self.number, node))

    def pop(self) -> Node:
        """Take out the node with the least bound."""
        return heapq.heappop(self.heap).node

    def close(self, node: Node) -> None:
        """Be done with a node: its value counts, but it is not split any more."""
        self.closed = min(self.closed, node.value)

    def forget(self, node: Node) -> None:
        """Have every column of a node priced anew: others were looked at meanwhile."""
        self.room.levels[node.columns] = np.inf
        self.room.worth[node.columns] = -np.inf
        self.room.chosen[node.columns] = 0

    def settle(self, node: Node, limit: float) -> None:
        """Work out the columns' worth for the node's multipliers and drop those that cannot be centres.

        A column is dropped when every plan with it as a centre would cost more than ``limit``, the cost of a plan that
        is known.
        """
        self.forget(node)
        value = loops.evaluate(
            self.made.ground, self.room, node.gains, node.columns, node.starts, node.wanted, 1.0
        )
        if not np.isfinite(value):
            node.value = np.inf
            return
        worth, chosen = self.room.worth[node.columns], self.room.chosen[node.columns] == 1
        cells = np.repeat(np.arange(len(node.wanted)), np.diff(node.starts))
        last = np.full(len(node.wanted), -np.inf)
        np.maximum.at(last, cells[chosen], worth[chosen])
        stays = chosen | ((node.wanted[cells] > 0) & ~(value + worth - last[cells] > limit * (1 + 1e-9)))
        if stays.all():
            return
        node.columns = np.ascontiguousarray(node.columns[stays])
        node.use = node.use[stays]
        sizes = np.bincount(cells[stays], minlength=len(node.wanted))
        has_any = sizes > 0
        node.wanted = np.ascontiguousarray(node.wanted[has_any])
        node.starts = np.concatenate([[0], np.cumsum(sizes[has_any])]).astype(np.int32)

    def split(self, node: Node) -> list[Node]:
        """Return the node's children: a cell halved where its centres are most in doubt; none when none is."""
        best, found = 0.0, None
        x, y = self.made.ground.centre_x, self.made.ground.centre_y
        for cell in range(len(node.wanted)):
            part = slice(node.starts[cell], node.starts[cell + 1])
            columns, use = node.columns[part], node.use[part]
            total = use.sum()
            if len(columns) <= node.wanted[cell] or total <= 0:
                continue
            use = use * node.wanted[cell] / total
            for east, north in DIRECTIONS:
                along = east * x[columns] + north * y[columns]
                order = np.argsort(along, kind="stable")
                worth, at = _doubt(along[order], use[order])
                if worth > best:
                    best, found = worth, (cell, order[:at], order[at:])
        if found is None:
            found = self._halve(node)
        return [] if found is None else self._children(node, *found)

    def _halve(self, node: Node) -> tuple[int, np.ndarray, np.ndarray] | None:
        """Halve the cell with most columns; none when all centres are known."""
        spare = np.diff(node.starts) - node.wanted
        cell = int(np.argmax(spare))
        if spare[cell] <= 0:
            return None
        columns = node.columns[node.starts[cell] : node.starts[cell + 1]]
        x, y = self.made.ground.centre_x[columns], self.made.ground.centre_y[columns]
        order = np.argsort(x if np.ptp(x) >= np.ptp(y) else y, kind="stable")
        return cell, order[: len(order) // 2], order[len(order) // 2 :]

    def _children(self, node: Node, cell: int, first: np.ndarray, second: np.ndarray) -> list[Node]:
        part = slice(node.starts[cell], node.starts[cell + 1])
        columns, use = node.columns[part], node.use[part]
        worth = self.room.worth[columns]
        count = int(node.wanted[cell])
        low, high = np.sort(worth[first]), np.sort(worth[second])
        now = np.sort(worth)[:count].sum()
        children = []
        for share in range(max(0, count - len(second)), min(count, len(first)) + 1):
            rise = low[:share].sum() + high[: count - share].sum() - now
            parts = [(first, share), (second, count - share)]
            groups = [columns[which] for which, some in parts if some]
            uses = [use[which] for which, some in parts if some]
            sizes = np.diff(node.starts)
            children.append(
                Node(
                    columns=np.concatenate([node.columns[: part.start], *groups, node.columns[part.stop :]]),
                    starts=np.concatenate(
                        [[0], np.cumsum([*sizes[:cell], *map(len, groups), *sizes[cell + 1 :]])]
                    ).astype(np.int32),
                    wanted=np.array(
                        [*node.wanted[:cell], *(some for _, some in parts if some), *node.wanted[cell + 1 :]],
                        np.int32,
                    ),
                    value=node.value + max(0.0, rise) - 1e-9 * abs(node.value),
                    gains=node.gains,
                    use=np.concatenate([node.use[: part.start], *uses, node.use[part.stop :]]),
                    depth=node.depth + 1,
                )
            )
        return children


class Climb:
    """Steps that better one node's multipliers, to be gone on with."""

    def __init__(self, branches: Branches, node: Node, *, size: float) -> None:
        self.branches, self.node = branches, node
        self.gains, self.best = node.gains.copy(), node.gains.copy()
        self.control = np.array([size, 0.0, 0.0, 0.0, -np.inf, MEMORY, PATIENCE, SHRINK])
        self.columns_changed()

    def columns_changed(self) -> None:
        """Start from what the node's columns are now."""
        self.branches.forget(self.node)
        self.branches.room.use[self.node.columns] = self.node.use

    @property
    def is_small(self) -> bool:
        """Whether steps have become short."""
        return bool(self.control[0] < SMALL)

    def run(self, steps: int, goal: float) -> float:
        """Take so many steps towards a goal; return the seconds they took."""
        node, branches = self.node, self.branches
        begin = time.perf_counter()
        value = loops.ascend(
            branches.made.ground,
            branches.room,
            self.gains,
            self.best,
            node.columns,
            node.starts,
            node.wanted,
            goal,
            self.control,
            steps,
        )
        node.use = branches.room.use[node.columns].copy()
        if value > node.value:
            node.value, node.gains = value, self.best.copy()
        return time.perf_counter() - begin


def _doubt(along: np.ndarray, use: np.ndarray) -> tuple[float, int]:
    """Return how much a cut would part, and before which column it lies.

    The use before the cut should be half between whole numbers, and the use half a centre before the cut far from that
    half a centre after it.
    """
    sums = np.cumsum(use)
    share = sums[:-1] - np.floor(sums[:-1])
    before = np.interp(sums[:-1] - 0.25, sums, along)
    after = np.interp(sums[:-1] + 0.25, sums, along)
    worth = share * (1.0 - share) * (after - before + 1e-9)
    worth[np.diff(along) <= 0] = 0.0
    at = int(np.argmax(worth)) if len(worth) else 0
    return (float(worth[at]), at + 1) if len(worth) else (0.0, 0)
