"""Documents of whole models: what goes out comes in again, the same to the byte; and how two of them differ."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import builders
from tests.core.rules.documents import documents

from merestone.app import guidelines, lifecycle, plan_edits, plans
from merestone.app.policy import OPERATOR
from merestone.app.services import Services
from merestone.base.errors import ConflictError, InvalidInputError
from merestone.core.model.terms import Guidelines, Terms
from merestone.core.rules.document import write_document
from merestone.db.models import AuditEntry, TerritoryModel

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
_guidelines = st.builds(Guidelines, _texts | st.just("# Rules\n\n- be kind  \n- call first\n"), st.booleans())
_policies = st.fixed_dictionaries(
    {},
    optional={
        "opportunities": st.sampled_from(["follow", "until_closed", "late_stage"]),
        "late_days": st.integers(1, 90),
        "activities": st.sampled_from(["follow", "stay"]),
        "challenges": st.just(
            {"decide_days": 5, "accept": [{"kinds": ["keep"], "late_stage": True, "effect_within": 0.05}]}
        ),
        "approvals": st.just({"depth": 0}),
    },
)


@st.composite
def wholes(draw: Any) -> dict[str, Any]:
    """Documents of whole models, as people may write them."""
    document = draw(documents())
    texts = {node.key: draw(_guidelines) for node in document.territories if draw(st.booleans())}
    return write_document(document, Terms(draw(_policies), draw(st.none() | _guidelines), texts))


def text_of(services: Services, data: dict[str, Any]) -> tuple[str, str]:
    return services.files.write_document(data, fmt="yaml"), services.files.write_document(data, fmt="json")


@pytest.fixture
def reps(services: Services) -> None:
    import pyarrow as pa

    with services.records.transaction(OPERATOR, cause="test"):
        services.records.write(
            "reps", pa.table({"name": ["Ana", "Bo", "Cy"], "email": ["ana@x.com", "bo@x.com", "cy@x.com"]})
        )


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(written=wholes())
def test_whole_model_comes_back_the_same_to_the_byte(
    services: Services, reps: None, tmp_path_factory: Any, written: dict[str, Any]
) -> None:
    start = transaction.savepoint()
    plans.apply_document(services, OPERATOR, written)
    as_yaml, as_json = text_of(services, plans.export_document(services, OPERATOR, "m"))
    transaction.savepoint_rollback(start)  # the database is empty again
    folder = tmp_path_factory.mktemp("documents")
    (folder / "m.yaml").write_text(as_yaml, encoding="utf-8")
    (folder / "m.json").write_text(as_json, encoding="utf-8")
    from_yaml = services.files.read_document(folder / "m.yaml")
    assert plans.compare_documents(from_yaml, services.files.read_document(folder / "m.json")).is_same
    assert plans.apply_document(services, OPERATOR, from_yaml)["changed"]
    assert text_of(services, plans.export_document(services, OPERATOR, "m")) == (as_yaml, as_json)
    entries = AuditEntry.objects.count()
    assert not plans.apply_document(services, OPERATOR, from_yaml)["changed"]
    assert AuditEntry.objects.count() == entries
    assert plans.diff_document(services, OPERATOR, from_yaml)["is_same"]
    transaction.savepoint_rollback(start)


WEST = {
    "key": "west",
    "where": "state in ('CA', 'WA') and employees between 1 and 9",
    "guidelines": "One\nTwo",
}


def applied(services: Services, key: str = "m1", **more: Any) -> dict[str, Any]:
    data = builders.document([{"key": "us", "name": "States"}, {"parent": "us", **WEST}], key=key, **more)
    plans.apply_document(services, OPERATOR, data)
    return data


def test_planned_guidelines_are_in_force_only_once_the_model_is_active(services: Services) -> None:
    applied(services)
    assert services.guidelines.in_force("west", None) is None
    lifecycle.publish(services, OPERATOR, "m1")
    now = services.guidelines.in_force("west", None)
    assert now is not None
    assert now.guidelines.text == "One\nTwo"
    applied(services, "m2")  # the same words: nothing to bring
    guidelines.save_guidelines(services, OPERATOR, "Three", territory="west")
    assert plans.export_document(services, OPERATOR, "m2")["territories"][1]["guidelines"] == "Three"


def test_document_silent_about_policies_and_guidelines_leaves_them(services: Services) -> None:
    applied(services, policies={"late_days": 5}, guidelines="Be kind.")
    plans.apply_document(services, OPERATOR, builders.document([{"key": "us"}, {"key": "west"}]))
    kept = plans.export_document(services, OPERATOR, "m1")
    assert (kept["policies"], kept["guidelines"]) == ({"late_days": 5}, "Be kind.")
    assert kept["territories"][1]["guidelines"] == "One\nTwo"
    withdrawn = builders.document(
        [{"key": "us"}, {"key": "west", "guidelines": ""}], policies={}, guidelines=""
    )
    plans.apply_document(services, OPERATOR, withdrawn)
    assert not plans.export_document(services, OPERATOR, "m1").keys() & {"policies", "guidelines"}
    assert not plans.apply_document(services, OPERATOR, withdrawn)["changed"]


def test_copy_of_a_model_has_its_policies_and_guidelines(services: Services) -> None:
    applied(services, policies={"late_days": 5}, guidelines="Be kind.")
    plan_edits.clone_model(services, OPERATOR, "m1", new_key="m2")
    found = plans.compare_models(services, OPERATOR, "m1", "m2")
    assert list(found.settings) == ["model/name"]
    assert not found.changed


def test_active_model_keeps_its_policies_and_guidelines(services: Services) -> None:
    data = applied(services)
    lifecycle.publish(services, OPERATOR, "m1")
    assert not plans.apply_document(services, OPERATOR, data)["changed"]
    with pytest.raises(ConflictError) as caught:
        plans.apply_document(services, OPERATOR, data | {"policies": {"late_days": 9}})
    assert caught.value.code == "model-not-in-planning"
    assert TerritoryModel.objects.get().policies == {}


def test_all_that_is_wrong_with_the_terms_is_told_at_once(services: Services) -> None:
    data = builders.document(
        [{"key": "us", "guidelines": ["a"]}, {"key": "b", "acknowledge": True}],
        policies={"late_days": 0, "zeal": 1, "approvals": {"by": [{"user": "nobody@example.com"}]}},
        guidelines="x\0y",
    )
    with pytest.raises(InvalidInputError) as caught:
        plans.apply_document(services, OPERATOR, data)
    assert {(one.code, one.where) for one in caught.value.problems} == {
        ("wrong-type", "territories/us/guidelines"),
        ("missing-value", "territories/b/acknowledge"),
        ("bad-character", "guidelines"),
        ("bad-policy", "policies/late_days"),
        ("unknown-key", "policies/zeal"),
        ("bad-policy", "policies/approvals/by/1"),
    }


def test_difference_reads_territory_by_territory(services: Services) -> None:
    builders.add_reps(services)
    data = applied(services)
    new = json.loads(json.dumps(data))
    new["policies"] = {"late_days": 45}
    west = new["territories"][1]
    west |= {
        "where": "state in ('CA', 'OR') and employees between 1 and 9",
        "members": [{"rep": "ana@example.com", "from": "2027-01-01"}],
        "guidelines": "One\nTwo and a half",
        "named": ["A-1"],
    }
    new["territories"].append({"key": "east", "name": "East", "parent": "us", "where": "state = 'NY'"})
    found = plans.compare_document(services, OPERATOR, new)
    assert (
        "\n".join(found.lines())
        == """\
~ model m1
    policies/late_days: + 45

~ territory west
    where:
      - state in ('CA', 'WA')
      + state in ('CA', 'OR')
        and employees between 1 and 9
    members:
      + ana@example.com, owner from 2027-01-01
    named:
      + A-1
    guidelines:
        One
      - Two
      + Two and a half

+ territory east “East”
    parent: + us
    where: + state = 'NY'"""
    )
