"""Territory models: documents in and out, one of them active."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from merestone.app.policy import OPERATOR
from merestone.base.errors import ConflictError, InvalidInputError, NotFoundError
from merestone.core.model.columns import Kind
from merestone.core.model.territory import (
    Case,
    Membership,
    TerritoryModelDocument,
    TerritoryNode,
    TerritoryType,
)
from merestone.core.rules.document import write_document
from merestone.db.models import AuditEntry, CustomField, Leave, Member, Rep, Territory, TerritoryModel
from merestone.db.models import TerritoryNode as NodeRow

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
AREA = {"type": "Polygon", "coordinates": [[[0, 0.5], [1, 1], [1, 0], [0, 0.5]]]}
DOCUMENT = TerritoryModelDocument(
    key="fy27",
    name="FY27 – North",
    effective=date(2027, 1, 1),
    fields={"tier": Kind.TEXT, "score": Kind.NUMBER},
    areas={"zone": AREA, "bay": AREA},
    lists={"zips": ("94002", "02134"), "a-list": ("x",)},
    types=(TerritoryType("geo", "Geography"), TerritoryType("ai", "AI overlay", is_primary=False)),
    territories=(
        TerritoryNode("us-west", "West", "geo", parent="us", where="state in ('CA', 'OR')", priority=10),
        TerritoryNode("us", "United States", "geo", notes="the root\ncomes second"),
        TerritoryNode(
            "us-ai",
            "AI",
            "ai",
            where="tier = 'gold'",
            members=(
                Membership("ben@example.com", "specialist", date(2027, 1, 1), date(2027, 6, 1)),
                Membership("ana@example.com"),
                Membership("ben@example.com", "specialist", date(2027, 7, 1)),
            ),
            named=("A-2", "A-1"),
            exclude=("A-1", "A-9"),
            cases=(Case({"state": "CA", "employees": 20, "country": None}, "no-match"),),
        ),
    ),
)


@pytest.fixture
def reps(db) -> dict[str, int]:
    """Ana and Ben with an e-mail, two called Kim without."""
    rows = [("Ana", "Ana@example.com"), ("Ben", "ben@example.com"), ("Kim", None), ("Kim", None)]
    return {
        f"{name}{place}": Rep.objects.create(name=name, email=email).pk
        for place, (name, email) in enumerate(rows)
    }


@pytest.fixture
def save(models, writing):
    """Save a document in a transaction of its own."""

    def run(document: TerritoryModelDocument) -> int:
        with writing():
            return models.save(document, actor=OPERATOR)

    return run


def with_node(document: TerritoryModelDocument, key: str, **changes) -> TerritoryModelDocument:
    nodes = tuple(replace(node, **changes) if node.key == key else node for node in document.territories)
    return replace(document, territories=nodes)


def test_document_comes_back_as_it_was_saved(models, reps, save):
    pk = save(DOCUMENT)
    assert models.load("fy27") == (pk, DOCUMENT)
    assert models.load("other") is None
    assert models.active() is None


def test_document_reads_the_same_text_after_the_round_trip(models, reps, save):
    save(DOCUMENT)
    again, before = write_document(models.load("fy27")[1]), write_document(DOCUMENT)
    assert again == before
    for part in ("fields", "areas", "lists"):
        assert list(again[part]) == list(before[part])
    assert list(again["territories"][2]["cases"][0]["record"]) == ["state", "employees", "country"]


def test_tree_keeps_path_and_depth(reps, save):
    save(DOCUMENT)
    rows = NodeRow.objects.order_by("position").values_list("path", "depth", "parent__territory__key")
    assert list(rows) == [("us/us-west/", 1, "us"), ("us/", 0, None), ("us-ai/", 0, None)]


def test_saving_the_same_document_again_writes_only_the_model_row(reps, save):
    save(DOCUMENT)
    before = AuditEntry.objects.count()
    save(DOCUMENT)
    assert AuditEntry.objects.count() == before


CHANGED = [
    with_node(DOCUMENT, "us-west", name="Far West", where="state = 'CA'", type="ai"),
    with_node(DOCUMENT, "us-west", parent=None),
    with_node(DOCUMENT, "us-west", parent="us-ai"),
    with_node(DOCUMENT, "us-ai", members=()),
    with_node(DOCUMENT, "us-ai", members=DOCUMENT.territories[2].members[::-1]),
    with_node(DOCUMENT, "us-ai", named=("A-1", "A-3", "A-2"), exclude=()),
    with_node(DOCUMENT, "us-ai", cases=()),
    replace(DOCUMENT, territories=DOCUMENT.territories[::-1]),
    replace(DOCUMENT, territories=DOCUMENT.territories[1:2]),
    replace(DOCUMENT, territories=(*DOCUMENT.territories, TerritoryNode("new", "New", "geo", parent="us-west"))),
    replace(
        DOCUMENT,
        types=(TerritoryType("geo", "Geo"), TerritoryType("next", "Next", is_primary=False)),
        territories=tuple(replace(node, type="next" if node.type == "ai" else "geo") for node in DOCUMENT.territories),
    ),
    replace(DOCUMENT, name="x", effective=None, fields={}, areas={}, lists={}),
]  # fmt: skip


@pytest.mark.parametrize("changed", CHANGED)
def test_any_change_of_the_document_is_kept_both_ways(models, reps, save, changed):
    pk = save(DOCUMENT)
    assert save(changed) == pk
    assert models.load("fy27") == (pk, changed)
    save(DOCUMENT)
    assert models.load("fy27") == (pk, DOCUMENT)


def test_content_hash_tells_contents_apart(reps, save):
    save(DOCUMENT)
    first = TerritoryModel.objects.get().content_hash
    save(with_node(DOCUMENT, "us-west", priority=11))
    second = TerritoryModel.objects.get().content_hash
    save(DOCUMENT)
    assert (len(first), first == second, TerritoryModel.objects.get().content_hash == first) == (
        64,
        False,
        True,
    )


def test_unknown_reps_are_all_reported_and_nothing_is_saved(reps, save):
    wrong = with_node(DOCUMENT, "us", members=(Membership("x@example.com"), Membership("y@example.com")))
    with pytest.raises(InvalidInputError) as caught:
        save(wrong)
    assert [(problem.code, problem.where) for problem in caught.value.problems] == [
        ("unknown-rep", "territories/us/members")
    ] * 2
    assert TerritoryModel.objects.count() == Territory.objects.count() == 0


def test_reps_without_e_mail_are_named_by_number_when_they_share_a_name(models, reps, save):
    members = (Membership(f"kim #{reps['Kim2']}"), Membership("ben", "manager"))
    save(with_node(DOCUMENT, "us", members=members))
    assert list(Member.objects.order_by("id").values_list("rep", flat=True))[:2] == [
        reps["Kim2"],
        reps["Ben1"],
    ]
    loaded = models.load("fy27")[1].territories[1].members
    assert [member.rep for member in loaded] == [f"kim #{reps['Kim2']}", "ben@example.com"]


def test_declared_fields_become_custom_fields(records, reps, save):
    save(DOCUMENT)
    assert records.custom_fields("accounts") == {"score": "number", "tier": "text"}
    save(replace(DOCUMENT, key="other"))
    assert CustomField.objects.count() == 2


def test_field_of_another_kind_is_refused(reps, save):
    CustomField.objects.create(table="accounts", key="tier", label="Tier", kind="number")
    with pytest.raises(InvalidInputError) as caught:
        save(DOCUMENT)
    assert [problem.where for problem in caught.value.problems] == ["fields/tier"]


def test_activation_archives_the_active_model_and_renames_territories(models, writing, reps, save):
    first = save(DOCUMENT)
    second = save(with_node(replace(DOCUMENT, key="fy28"), "us", name="USA"))
    assert Territory.objects.get(key="us").name == "United States"
    for pk in (first, second):
        with writing():
            models.activate(pk, at=NOON)
    assert models.active()[0] == second
    assert Territory.objects.get(key="us").name == "USA"
    old = TerritoryModel.objects.get(pk=first)
    assert (old.state, old.activated_at, old.archived_at) == ("archived", NOON, NOON)
    assert NodeRow.objects.filter(model=first).count() == 3


def test_only_planning_models_can_be_saved(models, writing, reps, save):
    pk = save(DOCUMENT)
    with writing():
        models.activate(pk, at=NOON)
    with pytest.raises(ConflictError):
        save(DOCUMENT)
    with pytest.raises(ConflictError), writing():
        models.activate(pk, at=NOON)
    with pytest.raises(NotFoundError), writing():
        models.activate(pk + 1000, at=NOON)


def test_members_of_the_active_model(models, writing, reps, save):
    pk = save(DOCUMENT)
    assert models.members().num_rows == 0
    Rep.objects.filter(pk=reps["Ana0"]).update(left_on=date(2027, 3, 1), languages=["en", "de"])
    Rep.objects.filter(pk=reps["Ana0"]).update(hired_on=date(2026, 5, 4), ramp_weeks=12)
    with writing():
        models.activate(pk, at=NOON)
    assert models.members().slice(0, 2).to_pylist() == [
        {
            "territory": "us-ai",
            "rep": "ben@example.com",
            "rep_id": reps["Ben1"],
            "rep_name": "Ben",
            "role": "specialist",
            "valid_from": date(2027, 1, 1),
            "valid_to": date(2027, 6, 1),
            "left_on": None,
            "languages": [],
            "hired_on": None,
            "ramp_weeks": None,
        },
        {
            "territory": "us-ai",
            "rep": "ana@example.com",
            "rep_id": reps["Ana0"],
            "rep_name": "Ana",
            "role": "owner",
            "valid_from": None,
            "valid_to": None,
            "left_on": date(2027, 3, 1),
            "languages": ["en", "de"],
            "hired_on": date(2026, 5, 4),
            "ramp_weeks": 12,
        },
    ]


def test_leave_lists_days_away(models, reps):
    days = {"starts_on": date(2026, 7, 1), "ends_on": date(2026, 7, 15), "ends_at_noon": True}
    Leave.objects.create(rep_id=reps["Ben1"], **days)
    assert models.leave().to_pylist() == [{"rep_id": reps["Ben1"], **days, "starts_at_noon": False}]


def test_statements_do_not_grow_with_the_territories(models, reps, n_queries, save):
    def round_trip(n: int) -> None:
        nodes = tuple(
            TerritoryNode(
                f"{n}-{place}", "x", "geo", members=(Membership("ben@example.com"),), named=(f"A{place}",)
            )
            for place in range(n)
        )
        save(replace(DOCUMENT, key=f"m{n}", territories=nodes))
        models.load(f"m{n}")

    save(DOCUMENT)  # declares the custom fields
    assert n_queries(lambda: round_trip(2)) == n_queries(lambda: round_trip(60))
