"""Stores the demo company: whole tables at once, in one transaction, then assigned by the real engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
from django.contrib.auth.hashers import make_password
from django.db import models

from merestone.app import report
from merestone.app.assign import place_accounts
from merestone.app.policy import SYSTEM
from merestone.app.ports import Progress
from merestone.app.route import Router, unowned
from merestone.app.rulebook import company_fields, rule_book
from merestone.app.services import Services
from merestone.base.errors import ConflictError
from merestone.base.interval import Interval
from merestone.boot.demo.generate import DemoData, generate
from merestone.boot.demo.quotas import quarters, quotas
from merestone.core.rules.document import read_document
from merestone.db import models as rows
from merestone.db.stores import bulk
from merestone.db.stores.cells import Shape, cell, shape_of, to_cells
from merestone.db.stores.custom import ensure_index

PASSWORD = "merestone-demo"  # noqa: S105 - shown on the sign-in page of the demo on purpose
STEPS = 8


def sign_ins() -> list[dict[str, str]]:
    """Return ``name``, ``email``, ``role`` and ``password`` of one demo user per role; empty without a demo."""
    users = rows.User.objects.filter(is_active=True, preferences__demo=True).order_by("id")
    found: dict[str, dict[str, str]] = {}
    for name, email, role in users.values_list("name", "email", "role"):
        found.setdefault(role, {"name": name, "email": email, "role": role, "password": PASSWORD})
    return [found[role] for role in ("planner", "manager", "rep", "admin") if role in found]


def load_demo(services: Services, *, seed: int, progress: Progress) -> dict[str, Any]:
    """Fill an empty database with the demo company and return its summary; a demo already there stays as it is.

    Raises
    ------
    ConflictError
        If the database holds something else.
    """
    if rows.User.objects.filter(preferences__demo=True).exists():
        return summary(services)
    if rows.Account.objects.exists() or rows.User.objects.exists():
        raise ConflictError(
            "This database is not empty and holds no demo company.",
            code="not-empty",
            fix="Name another folder: --data-dir demo.",
        )
    progress(0, STEPS, "Drawing the demo company")
    today = services.clock.today()
    data = generate(services.gazetteer, seed=seed, today=today)  # type: ignore[arg-type]
    with services.records.transaction(SYSTEM, cause="demo"):
        Loader(services, data, progress).load()
    return summary(services)


def summary(services: Services) -> dict[str, Any]:
    """Return the counts and the balance of the active model's territories."""
    places = services.associations.open_now("accounts")
    owners = places.filter(places["is_primary"])["owner"]
    nodes = rows.TerritoryNode.objects.filter(model__state="active")
    return {
        "accounts": rows.Account.objects.count(),
        "assigned": len(owners) - owners.null_count,
        "queued": owners.null_count,
        "territories": nodes.count(),
        "reps": rows.Rep.objects.count(),
        "leads": rows.Lead.objects.count(),
        "opportunities": rows.Opportunity.objects.count(),
        "contacts": rows.Contact.objects.count(),
        "activities": rows.Activity.objects.count(),
        "contracts": rows.Contract.objects.count(),
        "balance": report.balance_report(services, SYSTEM).as_dict(),
    }


class Loader:
    """Stores one company; the caller holds the transaction."""

    def __init__(self, services: Services, data: DemoData, progress: Progress) -> None:
        self.services = services
        self.data = data
        self.progress = progress
        self.ids: dict[str, pa.Table] = {}

    def load(self) -> None:
        """Store everything, in the order references need."""
        self.progress(1, STEPS, "People and products")
        rows.Company.objects.create(**self.data.company)
        rows.CustomField.objects.bulk_create(rows.CustomField(**field) for field in self.data.custom_fields)
        for field in rows.CustomField.objects.filter(is_indexed=True):
            ensure_index(field)
        self.reps()
        self.write("products", self.data.products)
        self.users()
        self.progress(2, STEPS, "Accounts and contacts")
        self.accounts()
        self.write("contacts", self.referring(self.data.contacts, account="accounts"))
        self.progress(3, STEPS, "Leads and opportunities")
        self.leads()
        self.opportunities()
        self.progress(4, STEPS, "Activities and contracts")
        self.write(
            "activities", self.referring(self.data.activities, account="accounts", lead="leads", rep="reps")
        )
        self.write("contracts", self.referring(self.data.contracts, account="accounts", product="products"))
        self.progress(5, STEPS, "Territory models and their history")
        self.models()
        self.history()
        self.progress(6, STEPS, "Assigning every account")
        place_accounts(self.services)
        self.quotas()
        self.progress(7, STEPS, "Routing the leads")
        self.route()
        self.progress(STEPS, STEPS, "Done")

    def write(self, table: str, rows_: pa.Table) -> None:
        """Write a CRM table and remember which external id became which id."""
        written = self.services.records.write(table, rows_)
        key = "email" if table == "reps" else "external_id"
        self.ids[table] = pa.table({"key": rows_[key], "id": written["id"]})

    def id_of(self, table: str, keys: pa.ChunkedArray) -> pa.Array:
        """Return the ids of external ids (reps: e-mails)."""
        known = self.ids[table]
        index = pc.index_in(keys.combine_chunks(), value_set=known["key"].combine_chunks())
        return known["id"].combine_chunks().take(index)

    def referring(self, table: pa.Table, **references: str) -> pa.Table:
        """Return the table with references as ``<name>_id``."""
        for name, target in references.items():
            if name in table.column_names:
                place = table.schema.get_field_index(name)
                table = table.set_column(place, f"{name}_id", self.id_of(target, table[name]))
        return table

    def reps(self) -> None:
        people = self.data.reps
        self.write("reps", people.drop_columns(["manager"]))
        managed = pa.table(
            {"id": self.ids["reps"]["id"], "manager_id": self.id_of("reps", people["manager"])}
        )
        self.services.records.write("reps", managed.filter(pc.is_valid(managed["manager_id"])))
        leave = self.referring(self.data.leave, rep="reps")
        rows.Leave.objects.bulk_create(rows.Leave(**row) for row in leave.to_pylist())

    def users(self) -> None:
        secret = make_password(PASSWORD)  # one hash for all: hashing is slow on purpose
        people = self.data.users.to_pylist()
        created = rows.User.objects.bulk_create(
            rows.User(
                email=row["email"],
                name=row["name"],
                role=row["role"],
                time_zone=row["time_zone"] or "",
                is_active=row["is_active"],
                password=secret,
                preferences={"demo": True},
            )
            for row in people
        )
        seats = {row["rep"]: user.pk for row, user in zip(people, created, strict=True) if row["rep"]}
        emails = pa.chunked_array([pa.array(list(seats), pa.string())])
        table = pa.table({"id": self.id_of("reps", emails), "user_id": pa.array(seats.values(), pa.int64())})
        self.services.records.write("reps", table)

    def accounts(self) -> None:
        table = self.data.accounts
        self.write("accounts", table.drop_columns(["parent"]))
        family = pa.table(
            {"id": self.ids["accounts"]["id"], "parent_id": self.id_of("accounts", table["parent"])}
        )
        self.services.records.write("accounts", family.filter(pc.is_valid(family["parent_id"])))

    def leads(self) -> None:
        touches = self.data.lead_touches
        table = self.data.leads
        index = pc.index_in(table["external_id"].combine_chunks(), value_set=touches["lead"].combine_chunks())
        touched = touches["touched_at"].combine_chunks().take(index)
        table = self.referring(table, account="accounts").append_column("touched_at", touched)
        self.write("leads", table.drop_columns(["owner"]))

    def opportunities(self) -> None:
        began = self.data.opportunity_leads
        table = self.referring(self.data.opportunities, account="accounts", owner="reps", product="products")
        index = pc.index_in(
            table["external_id"].combine_chunks(), value_set=began["opportunity"].combine_chunks()
        )
        lead = began["lead"].combine_chunks().take(index)
        table = table.append_column("lead_id", self.id_of("leads", pa.chunked_array([lead])))
        ids = insert(rows.Opportunity, table)  # not by the store: its stage history is ours
        self.ids["opportunities"] = pa.table({"key": table["external_id"], "id": pa.array(ids, pa.int64())})
        insert(rows.StageChange, self.referring(self.data.stage_history, opportunity="opportunities"))
        self.ownerships(dict(zip(ids, table["opened_on"].to_pylist(), strict=True)))

    def ownerships(self, opened: Mapping[int, date | None]) -> None:
        """Date who holds which opportunity back to the day it was opened."""
        zone = ZoneInfo(self.services.clock.zone())
        pks, held, now = bulk.fetch(
            rows.OpportunityOwnership.objects.order_by("id"), ["id", "opportunity_id", "valid_from"]
        )
        began = [
            now[place] if day is None else cell(datetime.combine(day, time(), zone), Shape.INSTANT)
            for place, day in enumerate(opened[one] for one in held)
        ]
        told = json.dumps({"sentence": "Taken over from the old system."})
        cells = {"valid_from": began, "cause": ["import"] * len(pks), "reason": [told] * len(pks)}
        bulk.update(rows.OpportunityOwnership, pks, cells)

    def models(self) -> None:
        """Save the three models; last year's is archived by this year's activation."""
        year = self.services.clock.today().year
        zone = ZoneInfo(self.services.clock.zone())
        for document, activated in (
            (self.data.previous_document, datetime(year - 1, 1, 1, tzinfo=zone)),
            (self.data.document, datetime(year, 1, 1, tzinfo=zone)),
            (self.data.planned_document, None),
        ):
            model_id = self.services.models.save(
                read_document(dict(document), fields=company_fields(self.services.records)), actor=SYSTEM
            )
            if activated is not None:
                self.services.models.activate(model_id, at=activated)

    def history(self) -> None:
        table = self.referring(self.data.associations, account="accounts", owner="reps")
        keys = dict(rows.Territory.objects.values_list("key", "id"))
        model_ids = dict(rows.TerritoryModel.objects.values_list("key", "id"))
        table = coded(coded(table, "territory", keys), "model", model_ids)
        told = [json.dumps({"sentence": text} if text else {}) for text in table["reason"].to_pylist()]
        table = table.set_column(
            table.schema.get_field_index("reason"), "reason", pa.array(told, pa.string())
        )
        insert(rows.AccountAssociation, table)
        claims = self.referring(self.data.claims, account="accounts", claimant="reps", holder="reps")
        rows.Claim.objects.bulk_create(rows.Claim(**filled(rows.Claim, row)) for row in claims.to_pylist())
        locks = self.referring(self.data.locks, account="accounts").select(["account_id", "reason", "until"])
        rows.AccountLock.objects.bulk_create(
            rows.AccountLock(**filled(rows.AccountLock, row)) for row in locks.to_pylist()
        )

    def quotas(self) -> None:
        """Give every territory that accounts fall into its quotas of last year's and this year's quarters."""
        today = self.services.clock.today()
        ids = dict(rows.Territory.objects.values_list("key", "id"))
        leaves = report.view_of(self.services, SYSTEM).leaves
        for year in (today.year - 1, today.year):
            spans = quarters(year)
            wins = [self.wins(span, today=today) for span in spans if span.start <= today]
            sellers = leaves if year == today.year else sorted({key for won in wins for key in won})
            columns: list[dict[str, Any]] = [
                {
                    "territory_id": ids[key],
                    "starts_on": span.start,
                    "ends_on": span.end,
                    "amount": amount,
                    "currency": self.data.company["currency"],
                }
                for span, amounts in zip(spans, quotas(sellers, wins=wins), strict=True)
                for key, amount in amounts.items()
            ]
            rows.Quota.objects.bulk_create(rows.Quota(**row) for row in columns)

    def wins(self, quarter: Interval[date], *, today: date) -> dict[str, Decimal]:
        """Return territory -> what it won in a quarter, of those that won; a running quarter at the pace so far."""
        assert quarter.end is not None
        until = min(quarter.end, today + timedelta(days=1))
        card = report.scorecard_report(self.services, SYSTEM, period=Interval(quarter.start, until))
        pace = Decimal((quarter.end - quarter.start).days) / (until - quarter.start).days
        return {
            line["territory"]: line["bookings"] * pace
            for line in card.select(["territory", "bookings"]).to_pylist()
            if line["territory"] and line["bookings"]
        }

    def route(self) -> None:
        """Route the leads in the order they came in, as if on the day they came."""
        active = self.services.models.active()
        assert active is not None
        leads = unowned(self.services, self.services.records.snapshot("leads"))
        leads = leads.sort_by([("received_at", "ascending"), ("id", "ascending")])
        desired = Router(self.services, rule_book(self.services, active[1])).desired(leads)
        keys = dict(rows.Territory.objects.values_list("key", "id"))
        table = coded(desired, "territory", keys)
        table = table.rename_columns(
            [{"record": "lead_id", "owner": "owner_id"}.get(n, n) for n in table.column_names]
        )
        table = table.append_column("valid_from", leads["received_at"])
        insert(rows.LeadAssociation, table.append_column("model_id", pa.repeat(active[0], table.num_rows)))


def insert(model: type[models.Model], table: pa.Table) -> list[int]:
    """Insert a table as it stands; returns the ids in order."""
    fields: dict[str, Any] = {field.attname: field for field in model._meta.concrete_fields}
    cells = {name: to_cells(table[name], shape_of(fields[name])) for name in table.column_names}
    for name, column in cells.items():
        field = fields[name]
        if not field.null and None in column:
            filler = bulk.default_cell(field, None)
            cells[name] = [filler if value is None else value for value in column]
    return bulk.insert(model, cells, n=table.num_rows)


def coded(table: pa.Table, name: str, ids: Mapping[str, int]) -> pa.Table:
    """Return the table with keys replaced by ids under ``<name>_id``."""
    keys = pa.array(ids.keys(), pa.string())
    values = pa.array(ids.values(), pa.int64())
    column = values.take(pc.index_in(table[name].combine_chunks(), value_set=keys))
    return table.set_column(table.schema.get_field_index(name), f"{name}_id", column)


def filled(model: type[models.Model], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row without nulls the model does not take."""
    return {
        name: value for name, value in row.items() if value is not None or model._meta.get_field(name).null
    }
