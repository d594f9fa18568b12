"""From the tree to the groups of one level, and exact sums per group.

A tree is a mapping from each territory to its parent (``None`` = a root). The one rule: what a territory won itself
stays its own on its level, and what no group knows goes to the null group, so that nothing is lost on the way up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from merestone.base.errors import UsageError

Parents = Mapping[str, str | None]


def path_to(territory: str, parents: Parents) -> tuple[str, ...]:
    """Return the territories from the root down to this one, both included.

    Raises
    ------
    UsageError
        If the parents go round in a circle.
    """
    path: list[str] = []
    step: str | None = territory
    while step is not None:
        if step in path:
            raise UsageError(f"Territory '{step}' is its own ancestor.", code="circular-tree")
        path.append(step)
        step = parents.get(step)
    return tuple(reversed(path))


def groups_at_depth(parents: Parents, depth: int) -> dict[str, str]:
    """Return territory -> its ancestor at a depth (roots are 0); what lies higher is its own group."""
    paths = {territory: path_to(territory, parents) for territory in parents}
    return {territory: path[min(depth, len(path) - 1)] for territory, path in paths.items()}


def groups_under(parents: Parents, node: str) -> dict[str, str]:
    """Return territory -> the child of ``node`` above it, for the subtree of ``node``; the node is its own group."""
    groups = {}
    for territory in parents:
        path = path_to(territory, parents)
        if node in path:
            groups[territory] = path[min(path.index(node) + 1, len(path) - 1)]
    return groups


def lineage(parents: Parents) -> pa.Table:
    """Return ``territory``, ``ancestor`` for every territory and each of its ancestors, itself included."""
    pairs = [(territory, above) for territory in parents for above in path_to(territory, parents)]
    return pa.table(
        {
            "territory": pa.array([territory for territory, _ in pairs], pa.string()),
            "ancestor": pa.array([above for _, above in pairs], pa.string()),
        }
    )


def regroup(territories: pa.ChunkedArray | pa.Array, group_of: Mapping[str, str]) -> pa.Array:
    """Return the group of each territory; null for null and for what no group knows."""
    keys = pa.array(group_of.keys(), pa.string())
    groups = pa.array(group_of.values(), pa.string())
    return groups.take(pc.index_in(as_text(territories), value_set=keys))


def group_sums(table: pa.Table, *, columns: Iterable[str]) -> pa.Table:
    """Return ``territory`` and the exact sums of the columns, sorted by territory, the null group last.

    Missing values count as nothing.
    """
    names = list(columns)
    filled = pa.table(
        {"territory": as_text(table["territory"])}
        | {name: pc.fill_null(table[name], pa.scalar(0).cast(table[name].type)) for name in names}
    )
    sums = filled.group_by("territory", use_threads=False).aggregate([(name, "sum") for name in names])
    sums = sums.select(["territory", *(f"{name}_sum" for name in names)]).rename_columns(
        ["territory", *names]
    )
    return sums.take(pc.sort_indices(sums["territory"]))


def as_text(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return one contiguous array of text."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return whole.cast(pa.string())
