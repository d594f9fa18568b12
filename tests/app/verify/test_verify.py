"""``merestone verify``: a clean company passes, and each of many planted faults is found and named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from tests.builders import add_accounts, add_leads, add_reps, document, publish

from merestone.app import assign, crm, plans
from merestone.app.policy import OPERATOR, Actor
from merestone.app.verify import Report, verify
from merestone.base.errors import ForbiddenError
from merestone.db import audit, seals

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def company(services):
    """A company with a published model, accounts with a history, leads and an opportunity."""
    add_reps(services)
    publish(services)
    ids = add_accounts(
        services,
        [
            {"name": f"Account {place}", "state": state, "potential": None, "employees": 10}
            for place, state in enumerate(["CA", "WA", "NY", "MA", "TX", "ZZ"])
        ],
    )
    add_leads(services, [{"state": "CA"}, {"state": "NY"}, {"state": "CA"}])
    assign.move_accounts(services, OPERATOR, ids[:1], territory="east", reason="Asked for by the customer")
    crm.create_record(
        services,
        OPERATOR,
        table="opportunities",
        values={"name": "Big", "stage": "prospecting"},
        references={"account_id": ids[1]},
    )
    plans.apply_document(services, OPERATOR, document([{"key": "us", "name": "US"}], key="next"))
    settle()
    return services


def settle() -> None:
    """Let come true what waits for the end of a transaction, which these tests never reach."""
    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL DEFERRED")
    else:
        seals.sweep()


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def one(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


@contextmanager
def lifted() -> Iterator[None]:
    """Lift all triggers of the audit log, and put them back."""
    settle()
    run(*audit.drop_statements())
    yield
    settle()
    audit.install_after_migrate()


@contextmanager
def unconstrained(table: str, name: str) -> Iterator[None]:
    """Let a constraint not hold."""
    if connection.vendor == "sqlite":
        run("PRAGMA ignore_check_constraints = ON")
        yield
        run("PRAGMA ignore_check_constraints = OFF")
    else:
        settle()
        run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        yield


PLACES = "merestone_accountassociation"
LOG, SEALS = "merestone_auditentry", "merestone_auditseal"
MOVED = f"(SELECT account_id FROM {PLACES} WHERE valid_to IS NOT NULL)"
HERE = f"account_id IN {MOVED} AND valid_to IS NULL"
FAULTS: dict[str, tuple[Callable[[], None], str, str]] = {}


def fault(rule: str, words: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Say which check is to find a fault, and with which words."""

    def keep(plant: Callable[[], None]) -> Callable[[], None]:
        FAULTS[plant.__name__] = (plant, rule, words)
        return plant

    return keep


@fault("account-in-one-place", "is in 2 places at once")
def two_owners_at_once() -> None:
    settle()
    run(
        "DROP INDEX account_one_open_primary",
        "DROP INDEX account_territory_once_open",
        f"INSERT INTO {PLACES} (account_id, territory_id, owner_id, is_primary, cause, reason, valid_from)"
        f" SELECT account_id, territory_id, owner_id, is_primary, cause, reason, valid_from FROM {PLACES}"
        f" WHERE id = (SELECT min(id) FROM {PLACES} WHERE valid_to IS NULL AND owner_id IS NOT NULL)",
    )


@fault("constraints-installed", "account_one_open_primary")
def a_constraint_dropped() -> None:
    settle()
    run("DROP INDEX account_one_open_primary")


@fault("account-in-one-place", "is nowhere")
def an_account_with_no_place() -> None:
    run(f"DELETE FROM {PLACES} WHERE id = (SELECT max(id) FROM {PLACES} WHERE valid_to IS NULL)")


@fault("lead-in-one-place", "is nowhere")
def a_lead_with_no_place() -> None:
    run("DELETE FROM merestone_leadassociation WHERE lead_id = (SELECT min(id) FROM merestone_lead)")


@fault("account-history", "a gap")
def a_gap_in_history() -> None:
    run(
        f"UPDATE {PLACES} SET valid_to = '2026-01-02 00:00:00', valid_from = '2026-01-01 00:00:00' WHERE valid_to IS NOT NULL"
    )


@fault("account-history", "an overlap")
def an_overlap_in_history() -> None:
    run(f"UPDATE {PLACES} SET valid_to = '2100-01-01 00:00:00' WHERE valid_to IS NOT NULL")


@fault("account-history", "lasts no time")
def a_reversed_interval() -> None:
    with unconstrained(PLACES, "account_assoc_not_empty"):
        run(f"UPDATE {PLACES} SET valid_to = '2020-01-01 00:00:00' WHERE valid_to IS NOT NULL")


@fault("account-history", "begins in the future")
def a_future_interval() -> None:
    run(f"UPDATE {PLACES} SET valid_from = '2100-01-01 00:00:00' WHERE {HERE}")


@fault("chain-intact", "one was edited")
def an_edited_audit_row() -> None:
    with lifted():
        run(f"UPDATE {LOG} SET actor = 'mallory' WHERE id = (SELECT min(id) + 3 FROM {LOG})")


@fault("chain-intact", "one was edited")
def an_edited_change_in_the_log() -> None:
    with lifted():
        run(
            f"UPDATE {LOG} SET changes = '{{\"name\": [null, \"x\"]}}' WHERE id = (SELECT max(id) FROM {LOG} WHERE table_name = 'merestone_account')"
        )


@fault("chain-intact", "1 of")
def a_removed_audit_row() -> None:
    with lifted():
        run(f"DELETE FROM {LOG} WHERE id = (SELECT min(id) + 1 FROM {LOG})")


def _forged(token: str, actor: str) -> str:
    return (
        f'INSERT INTO {LOG} (at, actor, cause, "transaction", table_name, row_id, operation, changes)'
        f' SELECT at, {actor}, cause, {token}, table_name, row_id, \'U\', \'{{"name": ["a", "b"]}}\' FROM {LOG}'
        f" WHERE id = (SELECT max(id) FROM {LOG} WHERE table_name = 'merestone_account')"
    )


@fault("chain-intact", "1 were added")
def an_audit_row_added_to_a_transaction() -> None:
    run(_forged('"transaction"', "actor"))


@fault("entries-sealed", "not sealed")
def an_audit_row_of_its_own() -> None:
    run(_forged("'0123456789abcdef0123456789abcdef'", "'user:ana@example.com'"))


@fault("replay-account", "changes name from")
def an_audit_row_that_seems_a_stray_one() -> None:
    run(_forged("'0123456789abcdef0123456789abcdef'", "'unknown'"))


@fault("chain-intact", "one was edited")
def a_swapped_pair() -> None:
    with lifted():
        first = one(f"SELECT min(id) FROM {LOG} WHERE table_name = 'merestone_account'")
        for old, new in ((first, -1), (first + 1, first), (-1, first + 1)):
            run(f"UPDATE {LOG} SET id = {new} WHERE id = {old}")


@fault("chain-intact", "does not follow the one before")
def a_removed_seal() -> None:
    with lifted():
        run(f"DELETE FROM {SEALS} WHERE id = (SELECT min(id) FROM {SEALS})")


@fault("entries-sealed", "not sealed")
def a_removed_last_seal() -> None:
    with lifted():
        run(f"DELETE FROM {SEALS} WHERE id = (SELECT max(id) FROM {SEALS})")


@fault("chain-intact", "the seal was")
def an_edited_seal() -> None:
    with lifted():
        run(f"UPDATE {SEALS} SET cause = 'rule run' WHERE id = (SELECT min(id) FROM {SEALS})")


@fault("triggers-installed", "merestone_audit_update")
def a_lifted_trigger() -> None:
    settle()
    if connection.vendor == "sqlite":
        run("DROP TRIGGER merestone_audit_update_merestone_account")
    else:
        run("ALTER TABLE merestone_account DISABLE TRIGGER merestone_audit_update")


@fault("triggers-installed", "changed or switched off")
def a_trigger_that_does_nothing() -> None:
    settle()
    if connection.vendor == "sqlite":
        run(
            "DROP TRIGGER merestone_audit_update_merestone_account",
            "CREATE TRIGGER merestone_audit_update_merestone_account AFTER UPDATE ON merestone_account BEGIN SELECT 1; END",
        )
    else:
        run(
            "CREATE OR REPLACE FUNCTION merestone_audit_of_merestone_account() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RETURN NULL; END $$"
        )


@fault("replay-account", "the log says")
def a_silent_write() -> None:
    with lifted():
        run(
            "UPDATE merestone_account SET name = 'Renamed in the dark' WHERE id = (SELECT min(id) FROM merestone_account)"
        )


@fault("replay-activity", "the log knows nothing of it")
def a_silent_insert() -> None:
    with lifted():
        run(
            "INSERT INTO merestone_activity (kind, subject, notes, occurs_at, is_done, created_at, updated_at, version)"
            " VALUES ('call', 'x', '', '2026-01-01 00:00:00', false, '2026-01-01 00:00:00', '2026-01-01 00:00:00', 1)"
        )


@fault("replay-opportunityownership", "no entry of the log says so")
def a_silent_deletion() -> None:
    with lifted():
        run("DELETE FROM merestone_opportunityownership")


@fault("one-active-model", "is active, and 1 more")
def two_active_models() -> None:
    settle()
    run("DROP INDEX one_active_model", "UPDATE merestone_territorymodel SET state = 'active'")


@fault("one-active-model", "none is now")
def no_active_model() -> None:
    run("UPDATE merestone_territorymodel SET state = 'archived' WHERE state = 'active'")


@fault("account-in-one-place", "without a territory")
def an_owner_without_territory() -> None:
    with unconstrained(PLACES, "account_owner_has_territory"):
        run(f"UPDATE {PLACES} SET territory_id = NULL WHERE {HERE}")


@fault("account-owner-belongs", "who is no owner of its territory")
def a_swapped_pair_of_owners() -> None:
    run(
        f"UPDATE {PLACES} SET owner_id = (SELECT id FROM merestone_rep WHERE name = 'Cal')"
        " WHERE valid_to IS NULL AND cause = 'rule' AND owner_id IS NOT NULL"
    )


@fault("opportunity-owner", "the history says")
def an_opportunity_history_that_disagrees() -> None:
    run(
        "UPDATE merestone_opportunityownership SET owner_id = (SELECT id FROM merestone_rep WHERE name = 'Cal')"
    )


@fault("member-history", "an overlap")
def somebody_twice_in_a_role() -> None:
    run(
        "INSERT INTO merestone_member (node_id, rep_id, role, created_at, updated_at, version)"
        " SELECT node_id, rep_id, role, created_at, updated_at, 1 FROM merestone_member"
        " WHERE id = (SELECT min(id) FROM merestone_member)"
    )


@fault("quota-history", "an overlap")
def quotas_that_overlap() -> None:
    for start in ("2026-01-01", "2026-02-01"):
        run(
            "INSERT INTO merestone_quota (territory_id, starts_on, ends_on, amount, currency, created_at, updated_at, version)"
            f" SELECT min(id), '{start}', '2026-04-01', 100, 'USD', '2026-01-01 00:00:00', '2026-01-01 00:00:00', 1"
            " FROM merestone_territory"
        )


@fault("account-in-active-model", "no territory of the active model")
def a_place_outside_the_model() -> None:
    run(
        "INSERT INTO merestone_territory (key, name, created_at) VALUES ('atlantis', 'Atlantis', '2026-01-01 00:00:00')",
        f"UPDATE {PLACES} SET territory_id = (SELECT id FROM merestone_territory WHERE key = 'atlantis') WHERE {HERE}",
    )


@fault("sums-add-up", "the company has")
def a_leaf_sum_that_does_not_add_up() -> None:
    a_place_outside_the_model()


@fault("content-as-published", "does not say what was published")
def a_tampered_published_model() -> None:
    run("UPDATE merestone_territorynode SET criteria = 'employees > 5' WHERE name = 'West'")


@fault("four-eyes", "which they wrote")
def an_approval_of_ones_own() -> None:
    from merestone.db.models import User

    User.objects.create_user("ana@example.com", "correct horse")
    run(
        "UPDATE merestone_territorymodel SET created_by_id = (SELECT min(id) FROM merestone_user)",
        "INSERT INTO merestone_approval (model_id, user_id, is_approved, note, content_hash, at, voided_because)"
        " SELECT id, created_by_id, true, '', '', '2026-01-01 00:00:00', '' FROM merestone_territorymodel"
        " WHERE state = 'active'",
    )


@fault("last-publication", "published last was")
def another_model_made_active() -> None:
    run(
        "UPDATE merestone_territorymodel SET state = 'archived' WHERE state = 'active'",
        "UPDATE merestone_territorymodel SET state = 'active' WHERE key = 'next'",
    )


@fault("fair-turns", "shared out")
def a_rotation_that_does_not_add_up() -> None:
    from merestone.db.models import Rotation

    rotation = Rotation.objects.order_by("id").first()
    rotation.state["n_taken"] += 5
    rotation.save()


@fault("lead-assigned-once", "it had an owner already")
def a_lead_assigned_twice() -> None:
    table = "merestone_leadassociation"
    first = one(f"SELECT min(id) FROM {table} WHERE owner_id IS NOT NULL")
    run(
        f"UPDATE {table} SET valid_from = '2026-01-01 00:00:00', valid_to = '2026-01-02 00:00:00' WHERE id = {first}",
        f"INSERT INTO {table} (lead_id, territory_id, owner_id, is_primary, cause, reason, valid_from)"
        f" SELECT lead_id, territory_id, owner_id, is_primary, 'rule', reason, valid_to FROM {table} WHERE id = {first}",
    )


@fault("references", "which does not exist")
def a_reference_to_nothing() -> None:
    settle()
    if connection.vendor == "sqlite":
        run("PRAGMA defer_foreign_keys = ON")
    else:
        name = one(
            "SELECT conname::text FROM pg_constraint WHERE conrelid = 'merestone_lead'::regclass AND contype = 'f'"
            " AND confrelid = 'merestone_account'::regclass"
        )
        run(f'ALTER TABLE merestone_lead DROP CONSTRAINT "{name}"')
    run("UPDATE merestone_lead SET account_id = 987654 WHERE id = (SELECT min(id) FROM merestone_lead)")


@fault("grants", "rights there are not")
def a_grant_of_nothing() -> None:
    from merestone.db.models import Grant, User

    Grant.objects.create(user=User.objects.create_user("ana@example.com", "correct horse"), rights=["fly"])


def found_by(report: Report, rule: str) -> list[str]:
    (answer,) = [answer for answer in report.answers if answer.rule == rule]
    return [] if answer.is_kept else [finding.message for finding in answer.findings]


def test_clean_company_passes_every_check(company):
    report = verify(company, OPERATOR)
    assert [answer for answer in report.answers if answer.findings] == []
    assert report.is_kept
    assert len(report.answers) > 60
    assert report.counts["accounts"] == 6
    assert len(report.head) == 64


def test_many_kinds_of_fault_are_planted():
    assert len(FAULTS) >= 35


@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_is_found_and_named(company, name):
    plant, rule, words = FAULTS[name]
    with transaction.atomic():
        plant()
        if connection.vendor == "postgresql" and name != "a_reference_to_nothing":
            settle()
        report = verify(company, OPERATOR)
        transaction.set_rollback(True)
    assert not report.is_kept
    assert any(words in message for message in found_by(report, rule)), report.as_dict()


def test_head_noted_before_must_stay_in_the_chain(company):
    head = verify(company, OPERATOR).head
    add_accounts(company, [{"external_id": "new"}])
    assert verify(company, OPERATOR, head=head).is_kept
    with lifted():
        run(f"DELETE FROM {SEALS}", f"DELETE FROM {LOG}")
    report = verify(company, OPERATOR, head=head)
    assert any("is not in the chain" in message for message in found_by(report, "chain-intact"))


def test_edit_of_the_active_model_through_the_product_is_no_tampering(company):
    with company.records.transaction(
        Actor(role="planner", label="user:mia@example.com"), cause="end a member"
    ):
        run("UPDATE merestone_member SET ends_on = '2030-01-01'")
    assert not found_by(verify(company, OPERATOR), "content-as-published")


def test_progress_names_every_check(company):
    told: list[tuple[int, int, str]] = []
    report = verify(company, OPERATOR, progress=lambda *step: told.append(step))
    assert [title for _, _, title in told] == [answer.title for answer in report.answers]
    assert [done for done, _, _ in told] == list(range(len(told)))
    assert {total for _, total, _ in told} == {len(told)}


def test_only_who_may_read_the_audit_log_verifies(company):
    with pytest.raises(ForbiddenError):
        verify(company, Actor(role="rep"))


def test_findings_beyond_the_first_are_counted(company):
    with lifted():
        run("UPDATE merestone_auditentry SET cause = 'x'")
    (answer,) = [one for one in verify(company, OPERATOR).answers if one.rule == "chain-intact"]
    assert answer.n_breaches == one(f"SELECT count(*) FROM {SEALS}")
