"""Open work of accounts that change hands: opportunities and activities, by the policy of the model published.

What the account's former owner held (or nobody) goes with the account; what others hold, specialists above all, stays
theirs. Where an account goes to the queue its open work stays with who has it: somebody must answer the customer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.lifecycle.policies import WorkPolicy
from merestone.app.policy import SYSTEM
from merestone.app.services import Services

Hands = Mapping[int, tuple[int | None, int | None]]
"""Account -> (former owner, new owner); None: nobody."""


class Moved:
    """Which accounts a publication moved, and to whom: looked at before, and once more after.

    Parameters
    ----------
    opened : Table
        What ``Associations.open_now`` gave of all accounts before.
    """

    def __init__(self, services: Services, opened: pa.Table) -> None:
        self.services = services
        names = {"record": "record", "place": "territory", "owner": "owner"}
        self.before = opened.filter(opened["is_primary"]).select(list(names)).rename_columns(names)

    def hands(self) -> tuple[int, dict[int, tuple[int | None, int | None]]]:
        """Return how many accounts have another territory or owner now, and the hands of those with another owner."""
        after = self.services.lifecycle.primary_owners()
        ids = after["record"].combine_chunks()
        place = pc.index_in(ids, value_set=self.before["record"].combine_chunks())
        was = self.before.take(place)
        territory = _differs(was["territory"], after["territory"])
        owner = _differs(was["owner"], after["owner"])
        rows = pa.array(np.flatnonzero(owner))
        columns = (ids.take(rows), was["owner"].take(rows), after["owner"].take(rows))
        accounts, olds, news = (column.to_pylist() for column in columns)
        hands = {account: (old, new) for account, old, new in zip(accounts, olds, news, strict=True)}
        return int((territory | owner).sum()), hands


def _differs(old: pa.ChunkedArray, new: pa.ChunkedArray) -> np.ndarray:
    found: np.ndarray = pc.fill_null(old, -1).to_numpy() != pc.fill_null(new, -1).to_numpy()
    return found


def hand_over(
    services: Services, policy: WorkPolicy, hands: Hands, *, model_id: int, model: str, today: date
) -> dict[str, int]:
    """Hand over the open work of these accounts; the caller holds the transaction.

    Returns
    -------
    dict
        ``opportunities_handed_over``, ``opportunities_kept``, ``activities_handed_over``, ``activities_kept``.
    """
    work = services.lifecycle.open_work("opportunities", sorted(hands))
    theirs = _of_former_owner(work, hands)
    stays = {pk: _stays(policy, stage) for pk, _, stage in theirs}
    gone = {pk: hands[account][1] for pk, account, _ in theirs if not stays[pk]}
    services.lifecycle.give("opportunities", gone)
    kept = [pk for pk in stays if stays[pk]]
    until = today + timedelta(days=policy.late_days) if policy.opportunities == "late_stage" else None
    facts: dict[str, Any] = {"model": model, "policy": policy.opportunities}
    services.lifecycle.tell_ownerships(
        gone,
        model_id=model_id,
        reason={**facts, "sentence": "Went with its account when the model was published."},
    )
    words = "until it is closed" if until is None else f"until {until.isoformat()}: its stage is late"
    services.lifecycle.tell_ownerships(
        kept,
        model_id=model_id,
        stays_until=until,
        reason={**facts, "sentence": f"Stays with who held it, {words}."},
    )
    activities = services.lifecycle.open_work("activities", sorted(hands))
    belongs = dict(zip(activities["id"].to_pylist(), activities["opportunity"].to_pylist(), strict=True))
    staying = set(kept)
    due = _of_former_owner(activities, hands)
    follow = {
        pk: hands[account][1]
        for pk, account, _ in due
        if policy.activities == "follow" and belongs[pk] not in staying
    }
    services.lifecycle.give("activities", follow)
    return {
        "opportunities_handed_over": len(gone),
        "opportunities_kept": work.num_rows - len(gone),
        "activities_handed_over": len(follow),
        "activities_kept": activities.num_rows - len(follow),
    }


def _of_former_owner(work: pa.Table, hands: Hands) -> list[tuple[int, int, str]]:
    """Return (id, account, stage) of the work that the account's former owner holds, or nobody, if there is a new one."""
    names = ["id", "account", "holder", "stage" if "stage" in work.column_names else "opportunity"]
    columns = [work[name].to_pylist() for name in names]
    return [
        (pk, account, stage)
        for pk, account, holder, stage in zip(*columns, strict=True)
        if hands[account][1] is not None and holder in (None, hands[account][0])
    ]


def _stays(policy: WorkPolicy, stage: str) -> bool:
    if policy.opportunities == "late_stage":
        return stage in policy.late_stages
    return policy.opportunities == "until_closed"


def end_stays(services: Services) -> int:
    """Hand over the late-stage opportunities whose days are over; returns how many went to their account's owner.

    What waits for an owner of its account waits on. Safe to call again and by several workers at once.
    """
    today = services.clock.today()
    if not services.lifecycle.stays_over(today).num_rows:
        return 0
    with services.records.transaction(SYSTEM, cause="publish policy: late-stage days are over"):
        for table in ("accounts", "opportunities"):
            services.records.take_turn(table)
        due = services.lifecycle.stays_over(today)
        due = due.filter(pc.is_valid(due["owner"]))
        by_model: dict[int | None, dict[int, int]] = {}
        for row in due.to_pylist():
            by_model.setdefault(row["model_id"], {})[row["id"]] = row["owner"]
        for model_id, owners in by_model.items():
            services.lifecycle.give("opportunities", owners)
            reason = {
                "policy": "late_stage",
                "sentence": "Went to its account's owner: the days it stayed are over.",
            }
            services.lifecycle.tell_ownerships(owners, model_id=model_id, reason=reason)
        return due.num_rows
