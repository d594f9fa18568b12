"""How near two places of the tree are, for people: the same territory, one beside it, one in the same part."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

SAME, BESIDE, APART = 1.0, 0.6, 0.3


def nearness(territory: str | None, mine: Collection[str], paths: Mapping[str, Sequence[str]]) -> float:
    """Return how near somebody is to a territory by the territories they are in, in [0, 1].

    1: in it; 0.6: in one with the same parent, in its parent or in a child of it; 0.3: under the same root; 0: elsewhere.

    Parameters
    ----------
    territory : str or None
        Key; None = nowhere, near nobody.
    mine : collection of str
        Keys of the person's territories.
    paths : mapping of str to sequence of str
        Territory -> keys from the root down to it.
    """
    path = paths.get(territory or "", ())
    if not path:
        return 0.0
    best = 0.0
    for key in mine:
        other = paths.get(key, ())
        if key == territory:
            return SAME
        if _is_beside(path, other):
            best = max(best, BESIDE)
        elif other and other[0] == path[0]:
            best = max(best, APART)
    return best


def _is_beside(path: Sequence[str], other: Sequence[str]) -> bool:
    if not other:
        return False
    is_sibling = len(path) > 1 and len(other) > 1 and path[-2] == other[-2]
    return (
        is_sibling
        or other[-1] == (path[-2] if len(path) > 1 else None)
        or path[-1] == (other[-2] if len(other) > 1 else None)
    )
