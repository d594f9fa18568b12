"""A scenario beside where the accounts are now, or beside another scenario: what moves, and who gains what.

Beside the live model accounts are counted one by one, by where each is now; beside another scenario, by units. Locked
accounts and those placed by name do not move and are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from merestone.app.policy import Actor
from merestone.app.scenarios.access import found
from merestone.app.scenarios.drawn import NOBODY, Drawn
from merestone.app.scenarios.measures import KEYS
from merestone.app.scenarios.reading import measures_told
from merestone.app.scenarios.ties import Assumed, price_of
from merestone.app.services import Services
from merestone.base.errors import ConflictError

LIVE = "live"
Label = tuple[str | int | None, str]


def compare(
    services: Services, actor: Actor, key: str, *, with_: str = LIVE, assumed: Assumed | None = None
) -> dict[str, Any]:
    """Return what a scenario changes.

    Parameters
    ----------
    with_ : str
        ``live``, or the key of another scenario of the same units.
    assumed : Assumed, optional
        What a change of hands loses; as published, unless said otherwise.

    Returns
    -------
    dict
        ``scenario``, ``with``, ``measures``, ``moves`` (``units``, and each measure), ``share`` (of each measure),
        ``territories`` and ``reps`` (``key`` or ``id``, ``name``, ``units_gained``, ``units_lost``, ``gained``,
        ``lost``, ``before``, ``after``, ``index_before``, ``index_after``: by measure), ``units`` (numbers of those
        that move), ``price`` (what is expected to be lost, as ``ties.price_of``; None beside another scenario, and for one
        made before it was known).

    Raises
    ------
    ConflictError
        ``other-units`` when the two scenarios are not of the same units.
    """
    row = found(services, actor, key)
    content = services.scenarios.units(row.id)[0]
    after = Drawn.of(row, content)
    names = _rep_names(services)
    if with_ == LIVE:
        title, rows = (
            {"key": LIVE, "name": "Where the accounts are now"},
            _live_rows(services, content, names),
        )
        before_units = np.array(content["live"], np.int64)
    else:
        other = found(services, actor, with_)
        other_content = services.scenarios.units(other.id)[0]
        if other_content["ids"] != content["ids"]:
            raise ConflictError(
                "The two scenarios are not of the same units.",
                code="other-units",
                fix="Compare each with the live model.",
            )
        title = {"key": other.key, "name": other.name}
        rows = _planned_rows(Drawn.of(other, other_content), names, content)
        before_units = _numbers_in(content, other_content, other.plan)
    unit = np.array(rows["unit"], np.int64)
    price = None
    if with_ == LIVE:
        owners = [*(one["owner_id"] for one in content["territories"]), None]
        to_reps = [owners[number] for number in after.plan[unit].tolist()]
        price = price_of(services, content["by_place"], to_reps, assumed or Assumed())
    amounts = {name: np.array(rows[name], np.float64) for name in KEYS}
    to = after.plan[unit]
    sides = {
        "territories": (rows["place"], _labels(content, to, lambda one: (one["key"], one["name"]))),
        "reps": (rows["owner"], _labels(content, to, lambda one: _owner(one, names))),
    }
    moved = np.array([a[0] != b[0] for a, b in zip(*sides["territories"], strict=True)], bool)
    has = after.amounts("accounts") > 0
    changed = np.flatnonzero(has & (after.plan != before_units))
    counts = _unit_counts(content, before_units, after.plan, changed)
    answer: dict[str, Any] = {
        "scenario": {"key": row.key, "name": row.name, "revision": row.revision},
        "with": title,
        "measures": measures_told(services),
        "moves": {"units": len(changed), **{key: _sum(values[moved]) for key, values in amounts.items()}},
        "share": {
            key: float(values[moved].sum() / values.sum()) if values.sum() else 0.0
            for key, values in amounts.items()
        },
        "units": changed.tolist(),
        "price": price,
    }
    for what, (before, now) in sides.items():
        answer[what] = _sides(before, now, amounts, "key" if what == "territories" else "id")
    for one in answer["territories"]:
        one["units_gained"], one["units_lost"] = counts.get(one["key"], (0, 0))
    return answer


def _rep_names(services: Services) -> dict[int, str]:
    reps = services.models.reps()
    return dict(zip(reps["rep_id"].to_pylist(), reps["rep_name"].to_pylist(), strict=True))


def _owner(territory: Mapping[str, Any], names: Mapping[int, str]) -> Label:
    rep = territory["owner_id"]
    return (rep, names.get(rep, territory["owner"])) if rep is not None else (None, "Nobody")


def _labels(content: Mapping[str, Any], plan: np.ndarray, label: Any) -> list[Label]:
    known = [*(label(one) for one in content["territories"]), (None, "Nobody")]
    return [known[number] for number in plan.tolist()]  # −1 is the last


def _live_rows(
    services: Services, content: Mapping[str, Any], names: Mapping[int, str]
) -> dict[str, Sequence[Any]]:
    active = services.models.active()
    known = {node.key: node.name for node in active[1].territories} if active else {}
    by_place = content["by_place"]
    return {
        **{name: by_place[name] for name in ("unit", *KEYS)},
        "place": [(key, known.get(key, key) if key else "Nobody") for key in by_place["territory"]],
        "owner": [(rep, names.get(rep, "") if rep is not None else "Nobody") for rep in by_place["owner"]],
    }


def _planned_rows(
    other: Drawn, names: Mapping[int, str], content: Mapping[str, Any]
) -> dict[str, Sequence[Any]]:
    return {
        "unit": range(other.n),
        **{name: content["amounts"][name] for name in KEYS},
        "place": _labels(other.content, other.plan, lambda one: (one["key"], one["name"])),
        "owner": _labels(other.content, other.plan, lambda one: _owner(one, names)),
    }


def _numbers_in(content: Mapping[str, Any], other: Mapping[str, Any], plan: Sequence[int]) -> np.ndarray:
    """Return another scenario's plan in the numbers of this one."""
    number = {one["key"]: at for at, one in enumerate(content["territories"])}
    table = [*(number.get(one["key"], -2) for one in other["territories"]), NOBODY]
    return np.array(table, np.int64)[np.array(plan, np.int64)]


def _unit_counts(
    content: Mapping[str, Any], before: np.ndarray, after: np.ndarray, changed: np.ndarray
) -> dict[str, tuple[int, int]]:
    k = len(content["territories"])
    gained, lost = (
        np.bincount(numbers[changed][numbers[changed] >= 0], minlength=k) for numbers in (after, before)
    )
    return {one["key"]: (int(gained[at]), int(lost[at])) for at, one in enumerate(content["territories"])}


def _sides(
    before: Sequence[Label], after: Sequence[Label], amounts: Mapping[str, np.ndarray], name: str
) -> list[dict[str, Any]]:
    """Return a row per territory or rep, the largest change of revenue first; those that have nothing come last."""
    labels = list(dict.fromkeys([*after, *before]))
    number = {label: at for at, label in enumerate(labels)}
    left, right = (np.array([number[label] for label in side], np.int64) for side in (before, after))
    differs = left != right
    n = len(labels)
    sums = {
        part: {key: np.bincount(at, values[rows], minlength=n) for key, values in amounts.items()}
        for part, at, rows in (
            ("before", left, slice(None)),
            ("after", right, slice(None)),
            ("gained", right[differs], differs),
            ("lost", left[differs], differs),
        )
    }
    is_one = np.array([label[0] is not None for label in labels], bool)
    indexes = {
        side: {key: _indexes(sums[side][key], sums[side]["accounts"], is_one) for key in KEYS}
        for side in ("before", "after")
    }
    order = sorted(range(n), key=lambda at: (not is_one[at], labels[at][1]))
    return [
        {
            name: labels[at][0],
            "name": labels[at][1],
            **{part: {key: _sum(values[at]) for key, values in sums[part].items()} for part in sums},
            **{f"index_{side}": {key: indexes[side][key][at] for key in KEYS} for side in indexes},
        }
        for at in order
    ]


def _indexes(values: np.ndarray, accounts: np.ndarray, is_one: np.ndarray) -> list[float | None]:
    """Return values with 100 for the mean of those that have accounts; None for the rest."""
    counts = is_one & (accounts > 0)
    mean = float(values[counts].mean()) if counts.any() else 0.0
    return [
        round(float(value) * 100 / mean, 1) if has and mean else None
        for value, has in zip(values, counts, strict=True)
    ]


def _sum(values: Any) -> float:
    return round(float(np.sum(values)), 2)
