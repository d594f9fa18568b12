"""The accounts' associations as a table: one row per stretch without change, each with its reason."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from merestone.app.rulebook import within_sentence
from merestone.boot.demo.accounts import Accounts
from merestone.boot.demo.columnar import NO_DAY, instants, text
from merestone.boot.demo.fields import KEY_ACCOUNTS
from merestone.boot.demo.geography import COMPANY_ZONE
from merestone.boot.demo.models import Model
from merestone.boot.demo.ownership import CAUSES, Ownership
from merestone.boot.demo.people import Team
from merestone.core.criteria import parse, standard_fields, to_english

_ZONE = ZoneInfo(COMPANY_ZONE)


def make_history(
    accounts: Accounts, ownership: Ownership, previous: Model, current: Model, *, team: Team
) -> pa.Table:
    """Return the primary associations by account and time."""
    account, epoch = _stretches(ownership, first_model=previous.effective)
    is_last = np.append(account[1:] != account[:-1], True)
    starts = ownership.changes[epoch]
    ends = np.where(is_last, NO_DAY, np.append(starts[1:], NO_DAY))
    territory = np.array((*ownership.territories, ""))[ownership.territory[epoch, account]]
    owner = np.array((*ownership.owners, ""))[ownership.owner[epoch, account]]
    cause = np.array(CAUSES)[ownership.cause[epoch, account]]
    in_current = starts >= current.effective.toordinal()
    model = np.where(cause == "import", "", np.where(in_current, current.key, previous.key))
    told = _Reasons({m.key: m for m in (previous, current)}, team)
    return pa.table(
        {
            "account": text(accounts.ids[account]),
            "territory": text(territory),
            "owner": text(owner),
            "model": text(model),
            "is_primary": pa.array(np.ones(len(account), dtype=bool)),
            "cause": text(cause),
            "reason": text(
                [told.sentence(*outcome) for outcome in zip(cause, model, territory, owner, strict=True)]
            ),
            "valid_from": instants(starts, _midnight(starts)),
            "valid_to": instants(ends, _midnight(ends)),
        }
    )


def _stretches(ownership: Ownership, *, first_model: date) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return account and change at which a stretch begins; the first model began one for every account."""
    territory, owner = ownership.territory, ownership.owner
    begins = np.ones(territory.shape, dtype=bool)
    begins[1:] = (territory[1:] != territory[:-1]) | (owner[1:] != owner[:-1])
    begins[ownership.changes == first_model.toordinal()] = True
    account, epoch = np.nonzero(begins.T)
    return account, epoch


class _Reasons:
    """Sentences, each made once per distinct outcome."""

    def __init__(self, models: dict[str, Model], team: Team) -> None:
        self._models = models
        self._names = {person.email: person.name for person in team.people}
        self._told: dict[tuple[str, str, str, str], str] = {}

    def sentence(self, cause: str, model: str, territory: str, owner: str) -> str:
        """Return why an account is where it is."""
        outcome = (cause, model, territory, owner)
        if outcome not in self._told:
            self._told[outcome] = self._tell(*outcome)
        return self._told[outcome]

    def _tell(self, cause: str, model: str, territory: str, owner: str) -> str:
        if cause == "import":
            return "Taken over from the old system."
        if not territory:
            return f"No territory of “{self._models[model].name}” matches."
        leaves = (*self._models[model].fields, KEY_ACCOUNTS)
        field = next(leaf for leaf in leaves if leaf.key == territory)
        if cause == "manual":
            return f"Moved to {field.name} by hand: the customer asked for a person they know."
        rule = within_sentence(to_english(parse(field.rule.text()), standard_fields()))
        why = f"Named in {field.name}." if cause == "named" else f"{field.name} matches: {rule}."
        if not owner:
            return f"{why} The territory has no owner today, so the account waits in the queue."
        return f"{why} {self._names[owner]} owns the territory."


def _midnight(ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the seconds after 00:00 UTC at which the days begin for the company."""
    distinct, inverse = np.unique(ordinals, return_inverse=True)
    days = [date.fromordinal(int(day)) if day != NO_DAY else date(2000, 1, 1) for day in distinct]
    starts = [
        datetime(day.year, day.month, day.day, tzinfo=_ZONE).utcoffset() or timedelta(0) for day in days
    ]
    return np.array([-int(start.total_seconds()) for start in starts])[inverse]
