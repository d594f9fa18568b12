"""The demo company's data, all of it, from one seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from merestone.boot.demo.accounts import N_DOUBLES, Accounts, customers_since_first_win, make_accounts
from merestone.boot.demo.columnar import contract_table, money, text
from merestone.boot.demo.customers import make_contacts, make_contracts
from merestone.boot.demo.disputes import make_claims
from merestone.boot.demo.geography import COMPANY_ZONE
from merestone.boot.demo.history import make_history
from merestone.boot.demo.leads import make_leads
from merestone.boot.demo.models import document_of, make_models
from merestone.boot.demo.ownership import make_ownership
from merestone.boot.demo.people import make_team
from merestone.boot.demo.pipeline import Pipeline, make_pipeline
from merestone.boot.demo.places import PostalPlaces, read_places
from merestone.boot.demo.products import PRODUCTS
from merestone.boot.demo.touches import last_touches, make_activities

SEED = 2026
COMPANY = {
    "name": "Kestrowe Instruments",
    "time_zone": COMPANY_ZONE,
    "currency": "USD",
    "country": "US",
}
CUSTOM_FIELDS = (
    {
        "table": "accounts",
        "key": "segment",
        "label": "Segment",
        "kind": "text",
        "choices": ["A", "B", "C"],
        "is_indexed": True,
    },
    {
        "table": "accounts",
        "key": "installed_units",
        "label": "Installed units",
        "kind": "number",
        "choices": [],
        "is_indexed": False,
    },
)
_N_NAMED_FAMILIES, _N_EXCLUDED = 5, 8


@dataclass(frozen=True)
class DemoData:
    """Everything the demo database is filled with, columnar; references are external ids and reps' e-mails.

    Parameters
    ----------
    company : mapping
        ``name``, ``time_zone``, ``currency``, ``country``.
    custom_fields : tuple of mapping
        Declarations of the ``custom.<key>`` columns of ``accounts``.
    users : pa.Table
        ``email``, ``name``, ``role``, ``rep`` (e-mail or null), ``time_zone``, ``is_active``.
    accounts, contacts, leads, opportunities, reps, products, activities, contracts : pa.Table
        The columns of ``core.model.columns``. Parents come before their children.
    stage_history : pa.Table
        ``opportunity``, ``from_stage`` (null at first), ``stage``, ``changed_at``, in order of time.
    opportunity_leads : pa.Table
        ``opportunity``, ``lead``: the deals that began as a lead.
    lead_touches : pa.Table
        ``lead``, ``touched_at``: the last done activity of each lead that had one.
    leave : pa.Table
        ``rep``, ``starts_on``, ``ends_on``, ``reason``.
    claims : pa.Table
        ``account``, ``claimant``, ``holder`` (null: nobody), ``reason``, ``state``, ``opened_at``, ``due_on``,
        ``decided_at``, ``decision``.
    associations : pa.Table
        The accounts' primary history as last year's and this year's model and the moves by hand made it, one row per
        stretch: ``account``, ``territory`` (null: none), ``owner`` (null: queue), ``model`` (null: before models),
        ``is_primary``, ``cause``, ``reason``, ``valid_from``, ``valid_to`` (null: now).
    locks : pa.Table
        Accounts that stay where they are: ``account``, ``territory``, ``reason``, ``until`` (null: until removed).
    doubles : pa.Table
        ``account``, ``original``: accounts that look like another one.
    document, previous_document, planned_document : mapping
        Model documents: active since 1 January, last year's (archived), next year's (planning).
    """

    company: Mapping[str, str]
    custom_fields: tuple[Mapping[str, Any], ...]
    users: pa.Table
    accounts: pa.Table
    contacts: pa.Table
    leads: pa.Table
    opportunities: pa.Table
    reps: pa.Table
    products: pa.Table
    activities: pa.Table
    contracts: pa.Table
    stage_history: pa.Table
    opportunity_leads: pa.Table
    lead_touches: pa.Table
    leave: pa.Table
    claims: pa.Table
    associations: pa.Table
    locks: pa.Table
    doubles: pa.Table
    document: Mapping[str, Any]
    previous_document: Mapping[str, Any]
    planned_document: Mapping[str, Any]


def generate(gazetteer: PostalPlaces, *, seed: int = SEED, today: date) -> DemoData:
    """Return the demo company's data; the same seed and day give identical tables.

    Parameters
    ----------
    gazetteer : PostalPlaces
        Gives the postal places of the United States.
    seed : int
        Of the one random generator.
    today : date
        Everything happened before it or is planned soon after; the active model began on its year's 1 January.
    """
    rng = np.random.default_rng(seed)
    places = read_places(gazetteer)
    team = make_team(places, today=today, rng=rng)
    accounts = make_accounts(places, today=today, rng=rng)
    named, excluded = _named(accounts)
    previous, current, planned = make_models(team, today=today, named=named, excluded=excluded)
    ownership = make_ownership(accounts, previous, current, today=today, rng=rng)
    leads = make_leads(places, accounts, (previous, current), today=today, rng=rng)
    won_over = np.flatnonzero(leads.converted > 0)
    pipeline = make_pipeline(
        accounts,
        ownership,
        team,
        today=today,
        converted=(leads.account[won_over], leads.converted[won_over]),
        rng=rng,
    )
    activities = make_activities(accounts, ownership, leads, today=today, rng=rng)
    return DemoData(
        company=COMPANY,
        custom_fields=CUSTOM_FIELDS,
        users=team.users,
        accounts=customers_since_first_win(accounts, pipeline.first_win),
        contacts=make_contacts(accounts, rng=rng),
        leads=leads.table,
        opportunities=pipeline.opportunities,
        reps=team.reps,
        products=_products(),
        activities=activities,
        contracts=make_contracts(accounts, today=today, rng=rng),
        stage_history=pipeline.stage_history,
        opportunity_leads=_began_as_leads(pipeline, leads.ids[won_over]),
        lead_touches=last_touches(activities),
        leave=team.leave,
        claims=make_claims(accounts, ownership, team, today=today, rng=rng),
        associations=make_history(accounts, ownership, previous, current, team=team),
        locks=ownership.locks,
        doubles=_doubles(accounts),
        document=document_of(current),
        previous_document=document_of(previous),
        planned_document=document_of(planned),
    )


def _named(accounts: Accounts) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ids of the largest families, and of large employers who want to be served locally."""
    sizes = np.bincount(accounts.family[accounts.family >= 0], minlength=len(accounts.ids))
    heads = np.argsort(-sizes, kind="stable")[:_N_NAMED_FAMILIES]
    named = accounts.ids[np.isin(accounts.family, heads)]
    large = accounts.columns["employees"] >= 5000
    local = accounts.ids[large & ~np.isin(accounts.family, heads)][:_N_EXCLUDED]
    return tuple(map(str, named)), tuple(map(str, local))


def _products() -> pa.Table:
    return contract_table(
        "products",
        {
            "external_id": text([sku for sku, *_ in PRODUCTS]),
            "name": text([name for _, name, *_ in PRODUCTS]),
            "family": text([family for *_, family, _ in PRODUCTS]),
            "price": money(np.array([cents for *_, cents in PRODUCTS])),
            "currency": text(["USD"] * len(PRODUCTS)),
        },
    )


def _began_as_leads(pipeline: Pipeline, leads: np.ndarray[Any, Any]) -> pa.Table:
    return pa.table({"opportunity": text(pipeline.ids_as_drawn[: len(leads)]), "lead": text(leads)})


def _doubles(accounts: Accounts) -> pa.Table:
    twins = accounts.ids[-N_DOUBLES:]
    return pa.table({"account": text(twins), "original": text(accounts.ids[accounts.doubles])})
