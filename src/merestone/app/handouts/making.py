"""Making a hand-out: the accounts of the book as a scenario would place them, beside where each is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from merestone.app.handout import HandOut, ManagerSheet, Measured, TerritorySheet, Whole
from merestone.app.handouts.managing import Managers, managers_of
from merestone.app.handouts.placing import Placed, place
from merestone.app.handouts.regions import places_of
from merestone.app.handouts.summing import Sums, exchanges
from merestone.app.plans import load_model
from merestone.app.policy import Actor, Right
from merestone.app.ports_scenarios import ScenarioRow
from merestone.app.scenarios.access import found
from merestone.app.scenarios.drawn import Drawn
from merestone.app.scenarios.measures import KEYS
from merestone.app.scenarios.reading import measures_told, stamp_of
from merestone.app.services import Services
from merestone.base.errors import ConflictError, NotFoundError, UsageError
from merestone.core.model.territory import TerritoryModelDocument

MAX_ACCOUNTS = 250_000
"""More do not go into one hand-out: a workbook of them takes half a minute, and nobody opens it."""


def make(
    services: Services, actor: Actor, key: str, *, territory: str | None = None, manager: int | None = None
) -> HandOut:
    """Return a scenario, the territories of one manager, or one territory, to hand out.

    Parameters
    ----------
    territory : str, optional
        Key of the territory.
    manager : int, optional
        Rep id of the manager.

    Raises
    ------
    NotFoundError
        There is no such scenario, manager or territory, or none for the actor.
    ForbiddenError
        The actor may not take accounts out.
    ConflictError
        ``rules-changed`` when the model lost a territory of the scenario.
    UsageError
        ``hand-out-too-large``; both a territory and a manager.
    """
    row = found(services, actor, key)
    actor.require(Right.EXPORT)
    if territory is not None and manager is not None:
        raise UsageError("A hand-out is of a territory or of a manager.", fix="Name one of them.")
    drawn = Drawn.of(row, services.scenarios.units(row.id)[0])
    document = load_model(services, actor, row.model)[1]
    gone = [one["key"] for one in drawn.content["territories"] if one["key"] not in document.tree.nodes]
    if gone:
        raise ConflictError(
            f"The model has no territory '{gone[0]}' any more.",
            code="rules-changed",
            fix="Read the book and the model anew first.",
        )
    held = managers_of(services, document, row, drawn.content["territories"])
    chosen, scope, part = _chosen(row, drawn, held, territory=territory, manager=manager)
    placed = place(services, actor, row, document, drawn)
    return _Making(services, row, document, drawn, held, placed, drawn.pieces()).made(
        chosen, scope, part, only=manager
    )


def _chosen(
    row: ScenarioRow, drawn: Drawn, held: Sequence[Managers], *, territory: str | None, manager: int | None
) -> tuple[list[int], str, str]:
    territories = drawn.content["territories"]
    if territory is not None:
        at = [number for number, one in enumerate(territories) if one["key"] == territory]
        if not at:
            raise NotFoundError(f"There is no territory '{territory[:100]}' in this scenario.")
        return at, "territory", territories[at[0]]["name"]
    if manager is not None:
        at = [number for number, some in enumerate(held) if manager in {rep for rep, _ in some}]
        if not at:
            raise NotFoundError(f"Nobody numbered {manager} manages a territory of this scenario.")
        return at, "manager", next(name for rep, name in held[at[0]] if rep == manager)
    return list(range(len(territories))), "all", row.name


@dataclass(frozen=True, eq=False)
class _Making:
    services: Services
    row: ScenarioRow
    document: TerritoryModelDocument
    drawn: Drawn
    held: Sequence[Managers]
    placed: Placed
    pieces: np.ndarray

    def made(self, chosen: list[int], scope: str, part: str, *, only: int | None) -> HandOut:
        row, drawn, placed = self.row, self.drawn, self.placed
        listed = np.flatnonzero(np.isin(placed.planned, chosen) | np.isin(placed.today, chosen))
        if scope == "all":
            listed = np.arange(placed.n)
        if len(listed) > MAX_ACCOUNTS:
            raise UsageError(
                f"This hand-out would list {len(listed):,} accounts; the most is {MAX_ACCOUNTS:,}.",
                code="hand-out-too-large",
                fix="Choose a manager or a territory.",
            )
        order = listed[
            np.lexsort((placed.ids[listed], -placed.amounts["potential"][listed], placed.planned[listed]))
        ]
        accounts = placed.table(order)
        sums = Sums.of(placed, drawn.k)
        sheets = tuple(self._sheet(number, sums, order) for number in chosen)
        now = self.services.clock.now().astimezone(ZoneInfo(self.services.clock.zone()))
        changes = placed.planned != placed.today
        measures = measures_told(self.services)
        stamp = self.services.scenarios.units(row.id)[2]
        return HandOut(
            key=row.key,
            name=row.name,
            revision=row.revision,
            model=row.model,
            model_name=row.model_name,
            scope=scope,
            part=part,
            made_on=now,
            effective=self.document.effective,
            is_stale=stamp != stamp_of(self.services, row.model_id),
            measures=tuple(Measured(**one) for one in measures),
            currency=self.services.clock.currency(),
            sheets=sheets,
            managers=self._managers(sheets, sums, only),
            accounts=accounts,
            moved={key: float(placed.amounts[key][changes].sum()) for key in KEYS},
            total={key: float(placed.amounts[key].sum()) for key in KEYS},
            n_fixed=placed.n_fixed,
            n_without=placed.n_without,
            whole=self._whole(),
        )

    def _sheet(self, number: int, sums: Sums, order: np.ndarray) -> TerritorySheet:
        drawn, placed = self.drawn, self.placed
        one = drawn.content["territories"][number]
        planned, today = placed.planned[order], placed.today[order]
        units = np.flatnonzero(drawn.plan == number)
        rows = np.flatnonzero(planned == number)
        leaving = np.flatnonzero((today == number) & (planned != number))
        leaving = leaving[
            np.lexsort((placed.ids[order][leaving], -placed.amounts["potential"][order][leaving]))
        ]
        comes, goes = exchanges(placed, frozenset([number]))
        return TerritorySheet(
            number=number,
            key=one["key"],
            name=one["name"],
            owner=one["owner"],
            managers=tuple(name for _, name in self.held[number]),
            home=_home(one),
            n_units=len(units),
            is_connected=bool(self.pieces[number] <= 1),
            sums=sums.of_territory(number),
            places=places_of(drawn, units, self.services.outlines.states()),
            comes=comes,
            goes=goes,
            rows=rows,
            leaving=leaving,
            n_stay=int((today[rows] == number).sum()),
        )

    def _managers(
        self, sheets: tuple[TerritorySheet, ...], sums: Sums, only: int | None
    ) -> tuple[ManagerSheet, ...]:
        at: dict[tuple[int, str], list[int]] = {}
        for position, sheet in enumerate(sheets):
            for manager in self.held[sheet.number]:
                at.setdefault(manager, []).append(position)
        found = []
        for (rep, name), positions in at.items():
            if only is not None and rep != only:
                continue
            numbers = frozenset(sheets[position].number for position in positions)
            comes, goes = exchanges(self.placed, numbers)
            inside = np.isin(self.placed.planned, list(numbers)) & np.isin(self.placed.today, list(numbers))
            n_between = int((inside & (self.placed.planned != self.placed.today)).sum())
            found.append(
                ManagerSheet(rep, name, tuple(positions), sums.of_all(numbers), comes, goes, n_between)
            )
        return tuple(found)

    def _whole(self) -> Whole:
        content, drawn = self.drawn.content, self.drawn
        pairs = drawn.graph.pairs()
        ends = np.sort(drawn.plan[pairs], axis=1)
        borders = np.unique(ends[(ends[:, 0] >= 0) & (ends[:, 0] != ends[:, 1])], axis=0)
        territories: list[Mapping[str, Any]] = content["territories"]
        return Whole(
            names=tuple(one["name"] for one in territories),
            owners=tuple(one["owner"] for one in territories),
            homes=tuple(_home(one) for one in territories),
            unit_kind=self.row.unit_kind,
            unit_ids=tuple(content["ids"]),
            unit_names=tuple(content["names"]),
            unit_states=tuple(content["states"]),
            plan=tuple(drawn.plan.tolist()),
            live=tuple(content["live"]),
            touches=tuple((a, b) for a, b in borders.tolist()),
        )


def _home(territory: Mapping[str, Any]) -> tuple[float, float] | None:
    home = territory["home"]
    return None if home is None else (float(home[0]), float(home[1]))
