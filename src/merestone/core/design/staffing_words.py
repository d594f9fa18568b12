"""A staffing in plain words: what speaks for a choice, what it would cost to choose otherwise, why not somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from merestone.core.design.staffing import VACANT, Staffing
from merestone.core.design.staffing_parts import share_held
from merestone.core.routing.kinship import BESIDE, SAME

KNOWN = {
    "language": "speaks the language of",
    "industry": "knows the industry of",
    "skills": "has the skills for",
}
LACKS = {"language": "does not speak", "industry": "does not know", "skills": "lacks"}
ASKED = {"language": "asked for by", "industry": "the industry of", "skills": "wanted by"}
LABELS = {
    "relationships": "Relationships kept", "distance": "Home near by", "language": "Languages", "industry": "Industry experience",
    "performance": "Past performance", "seniority": "Seniority for its potential", "skills": "Skills",
    "place": "Place in the tree",
}  # fmt: skip
TELLING = 0.5
"""Points from which a difference is named."""
MOST_TOLD = 4


@dataclass(frozen=True, eq=False)
class Telling:
    """Says in words why somebody has a territory."""

    staffing: Staffing

    @cached_property
    def held(self) -> tuple[np.ndarray, np.ndarray]:
        """Shares of accounts and of revenue that each has today, shape (k, m)."""
        found = self.staffing
        counts = np.ones(len(found.openings.territory))
        values = (counts, found.openings.revenue)
        return tuple(share_held(found.openings, found.staff, one) for one in values)  # type: ignore[return-value]

    def reasons(self, territory: int, person: int) -> list[str]:
        """Return what speaks for somebody, the weightiest first: ``has 61 % of its accounts already``."""
        weights, parts = self.staffing.weights, self.staffing.parts
        order = sorted(weights, key=lambda name: -weights[name] * parts[name][territory, person])
        said = [self._say(name, territory, person) for name in order]
        if self.staffing.terms.fixed.get(territory) == person:
            said.insert(0, "chosen by hand")
            said += [f"although: {one}" for one in self.obstacles(territory, person)]
        return [text for text in said if text]

    def obstacles(self, territory: int, person: int) -> list[str]:
        """Return why somebody may not have a territory; empty when they may."""
        found, said = self.staffing, []
        if (territory, person) in found.terms.forbidden:
            said.append("may not have it, as was said")
        for kind, needs in found.needs.items():
            lacking = sorted(needs[territory] - found.staff.words(kind)[person])
            if lacking:
                least = found.terms.required[kind]
                said.append(f"{LACKS[kind]} {', '.join(lacking)}, {ASKED[kind]} {least:.0%} of it or more")
        most = found.terms.most_km
        if most is not None and found.km[territory, person] > most:
            said.append(f"lives {found.km[territory, person]:.0f} km away, more than {most:g}")
        return said

    def cost(self, territory: int, person: int) -> str:
        """Return what the whole loses when somebody has a territory, in words."""
        found = self.staffing
        lost, vacancies = found.lost[territory, person], int(found.vacancies[territory, person])
        if not np.isfinite(lost):
            return (
                "cannot be" if not found.allowed[territory, person] else "they can take no further territory"
            )
        said = []
        if vacancies:
            n = abs(vacancies)
            more = "more" if vacancies > 0 else "fewer"
            said.append(f"{n} {more} {'vacancies' if n > 1 else 'vacancy'}")
        if abs(lost) >= 0.05 or not said:
            said.append(
                "the whole loses nothing"
                if abs(lost) < 0.05
                else f"the whole {'loses' if lost > 0 else 'gains'} {abs(lost):.1f} points"
            )
        return ", ".join(said)

    def why_not(self, territory: int, person: int) -> str:
        """Return why somebody else has a territory, and what it would cost to choose them."""
        found = self.staffing
        name, chosen = found.staff.names[person], int(found.chosen[territory])
        if chosen == person:
            return f"{name} is the choice: {'; '.join(self.reasons(territory, person))}."
        against = self.obstacles(territory, person)
        if against and not found.allowed[territory, person]:
            return f"{name} {'; '.join(against)}."
        said = [f"{name} has {found.points[territory, person]:.0f} of 100 points here"]
        if chosen != VACANT:
            said[0] += f", {found.staff.names[chosen]} {found.points[territory, chosen]:.0f}"
            compared = self.compared(territory, person)
            if compared:
                said.append(compared)
        if np.isfinite(found.lost[territory, person]):
            said.append(f"with {name} here {self.cost(territory, person)}")
        elsewhere = np.flatnonzero(found.chosen == person)
        if len(elsewhere):
            names = ", ".join(found.openings.names[at] for at in elsewhere[:3])
            said.append(f"{name} is planned for {names}")
        return "; ".join(said) + "."

    def compared(self, territory: int, person: int) -> str:
        """Return the largest differences from the choice in points: ``relationships kept −25, languages +4``."""
        chosen = int(self.staffing.chosen[territory])
        if chosen in (VACANT, person):
            return ""
        found = self.differences(territory, person, chosen)[:MOST_TOLD]
        return ", ".join(
            f"{LABELS[part].lower()} {'−' if value < 0 else '+'}{abs(value):.0f}" for part, value in found
        )

    def differences(self, territory: int, person: int, other: int) -> list[tuple[str, float]]:
        """Return the parts in which somebody has other points than another, the largest difference first."""
        weights, parts = self.staffing.weights, self.staffing.parts
        found = [
            (name, float(weights[name] * (parts[name][territory, person] - parts[name][territory, other])))
            for name in weights
        ]
        return sorted((one for one in found if abs(one[1]) >= TELLING), key=lambda one: -abs(one[1]))

    def _say(self, name: str, territory: int, person: int) -> str:
        found = self.staffing
        value = float(found.parts[name][territory, person])
        if name == "relationships":
            accounts, revenue = (held[territory, person] for held in self.held)
            if accounts <= 0:
                return ""
            more = f" and {revenue:.0%} of its revenue" if revenue > 0 else ""
            return f"has {accounts:.0%} of its accounts{more} already"
        if name == "distance":
            km = found.km[territory, person]
            return "home not known" if np.isnan(km) else f"lives {km:,.0f} km from its accounts on average"
        if name in KNOWN:
            tells = found.parts[name][territory].min() < 1  # what everybody knows says nothing
            return f"{KNOWN[name]} {value:.0%} of it" if value > 0 and tells else ""
        if name == "performance":
            reached = found.staff.attainment[person]
            return "" if np.isnan(reached) else f"reached {reached:.0%} of quota"
        if name == "seniority":
            level = found.staff.people.seniority[person]
            return f"{level}, which fits its potential" if level and value >= 2 / 3 else ""
        if value >= SAME:
            return "works in it today"
        return "works beside it today" if value >= BESIDE else ""
