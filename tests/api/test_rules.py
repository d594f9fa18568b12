"""Rules through the API: read and written in step, counted, checked; territories of plans; hostile text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests import builders
from tests.api.conftest import Caller, World

from merestone.app import plans
from merestone.app.policy import OPERATOR
from merestone.core.rules import compile_ruleset, match_record, read_document

MATCHING = ("won", "lost", "overlay", "passed")
ADDRESS = "/models/plan/territories/west"


@pytest.fixture
def plan(planner: Caller) -> Caller:
    """A planner with a copy of the active model."""
    assert planner("POST", "/models/m1/clone", {"key": "plan"}).status_code == 201
    return planner


def read(caller: Caller, text: str, **more: Any) -> dict[str, Any]:
    return caller("POST", "/rules/read", {"text": text, **more}).json()


class TestReading:
    def test_text_and_tree_are_the_same_rule(self, planner: Caller) -> None:
        first = read(planner, "not (state in ('CA','OR') or  employees BETWEEN 5 and 50)")
        assert first["text"] == "not (state in ('CA', 'OR') or employees between 5 and 50)"
        written = planner("POST", "/rules/write", {"tree": first["tree"]}).json()
        assert written == read(planner, first["text"])
        assert planner("POST", "/rules/write", {"tree": None}).json()["text"] == ""

    @pytest.mark.parametrize(
        ("text", "mended"),
        [
            ("contry = 'US'", "country = 'US'"),
            ("state = CA", "state = 'CA'"),
            ('state = "CA"', "state = 'CA'"),
            ("state = ‘CA'", "state = 'CA'"),
            ("name = 5", "name = '5'"),
            ("employees = '5'", "employees = 5"),
            ("customer_since > '2026-01-31'", "customer_since > date '2026-01-31'"),
            ("lifecycle = 'custmer'", "lifecycle = 'customer'"),
            ("start_with(naics, '54')", "starts_with(naics, '54')"),
            ("employees between 9 and 1", "employees between 1 and 9"),
            ("products in ('a', 'b')", "has_any(products, 'a', 'b')"),
        ],
    )
    def test_a_problem_comes_with_the_text_that_mends_it(
        self, planner: Caller, text: str, mended: str
    ) -> None:
        (problem,) = read(planner, text)["problems"]
        start = problem["column"] - 1
        assert text[:start] + problem["replacement"] + text[start + problem["length"] :] == mended
        assert read(planner, mended)["problems"] == []

    def test_no_fix_is_offered_that_does_not_help(self, planner: Caller) -> None:
        (problem,) = read(planner, "xyzzy = 1")["problems"]
        assert "replacement" not in problem

    def test_words_say_what_codes_mean(self, planner: Caller) -> None:
        assert (
            read(planner, "country = 'CA' and state = 'ON'")["english"]
            == "Country is Canada; state is Ontario"
        )

    def test_the_model_gives_its_own_lists(self, world: World, planner: Caller) -> None:
        document = builders.document(builders.WEST_EAST, key="lists", lists={"bay": ["94002"]})
        plans.apply_document(world.services, OPERATOR, document)
        text = "zip in list('bay')"
        assert read(planner, text, model="lists")["problems"] == []
        assert read(planner, text)["problems"][0]["code"] == "unknown-list"
        assert planner.get("/rules/fields?model=lists").json()["lists"] == [{"key": "bay", "n": 1}]

    def test_fields_name_only_operators_there_are(self, planner: Caller) -> None:
        offer = planner.get("/rules/fields").json()
        known = {one["op"] for one in offer["operators"]} | {one["name"] for one in offer["functions"]}
        assert {op for field in offer["fields"] for op in field["operators"]} <= known
        assert {one["name"] for one in offer["functions"]} >= {"starts_with", "within_km", "has_any"}

    @pytest.mark.parametrize(
        "field", ["state", "employees", "customer_since", "products_of_interest", "lifecycle"]
    )
    def test_every_operator_offered_for_a_field_can_be_written(self, planner: Caller, field: str) -> None:
        offer = planner.get("/rules/fields").json()
        (found,) = [one for one in offer["fields"] if one["name"] == field]
        value = {"number": {"number": "5"}, "date": {"date": "2026-01-31"}}.get(
            found["kind"], (found["choices"] or ["a"])[0]
        )
        takes = {one["op"]: one["takes"] for one in offer["operators"]}
        for op in found["operators"]:
            values = {"none": [], "two": [value, value]}.get(takes.get(op, ""), [value])
            if takes.get(op) == "list":
                continue
            tree = {"kind": "test", "field": field, "op": op, "values": values}
            answer = planner("POST", "/rules/write", {"tree": tree}).json()
            assert answer["problems"] == [], answer


class TestValues:
    def test_values_come_with_counts_the_most_frequent_first(self, world: World, planner: Caller) -> None:
        builders.add_accounts(world.services, [{"external_id": f"X{n}", "state": "TX"} for n in range(3)])
        found = planner.get("/rules/values?field=state").json()
        assert found["values"][0] == {"value": "TX", "label": "Texas", "count": 4}
        assert (found["distinct"], found["missing"]) == (4, 0)

    def test_what_was_typed_may_be_the_name_of_a_state(self, planner: Caller) -> None:
        found = planner.get("/rules/values?field=state&q=calif").json()["values"]
        assert [one["value"] for one in found] == ["CA"]

    def test_lists_choices_and_custom_fields_have_values(self, world: World, planner: Caller) -> None:
        from merestone.app import fields

        fields.declare_field(world.services, OPERATOR, table="accounts", key="tier", kind="text")
        rows = [{"external_id": "T1", "products_of_interest": ["IPA", "Stout"], "custom.tier": "gold"},
                {"external_id": "T2", "products_of_interest": ["IPA"], "custom.tier": "Gold "}]  # fmt: skip
        builders.add_accounts(world.services, rows)
        counts = {
            one["value"]: one["count"] for one in planner.get("/rules/values?field=products").json()["values"]
        }
        assert counts == {"IPA": 2, "Stout": 1}
        (tier,) = planner.get("/rules/values?field=tier&q=GO").json()["values"]
        assert (tier["value"].lower(), tier["count"]) == ("gold", 2)
        lifecycles = {one["value"] for one in planner.get("/rules/values?field=lifecycle").json()["values"]}
        assert "churned" in lifecycles

    def test_values_are_those_of_now(self, world: World, planner: Caller) -> None:
        def states() -> list[str]:
            return [one["value"] for one in planner.get("/rules/values?field=state").json()["values"]]

        assert "ZZ" not in states()
        builders.add_accounts(world.services, [{"external_id": "Z", "state": "ZZ"}])
        assert "ZZ" in states()


class TestCounting:
    def count(self, caller: Caller, where: str, territory: str = "west", **more: Any) -> dict[str, Any]:
        body = {"territory": territory, "where": where, **more}
        return caller("POST", "/rules/count", body).json()

    def test_matches_hold_the_rules_above_and_wins_know_the_rivals(
        self, world: World, planner: Caller
    ) -> None:
        builders.add_accounts(world.services, [{"external_id": "C", "state": "CA", "country": "CA"}])
        found = self.count(planner, "state in ('CA', 'NY')")
        assert (found["total"], found["parent"], found["matches"], found["wins"]) == (5, 4, 2, 1)
        assert found["rivals"] == [{"territory": "east", "name": "East", "accounts": 1}]
        assert self.count(planner, "state in ('CA', 'NY')", priority=1)["wins"] == 2

    def test_each_comparison_says_what_it_keeps_and_what_it_cannot_know(
        self, world: World, planner: Caller
    ) -> None:
        builders.add_accounts(world.services, [{"external_id": "N", "state": "CA", "employees": None}])
        found = self.count(planner, "state = 'CA' and (employees > 5 or within_km(37.7, -122.4, 50))")
        assert [(one["keeps"], one["missing"]) for one in found["criteria"]] == [(2, 0), (4, 1), (0, 5)]

    @pytest.mark.parametrize("territory", ["us", "west", "east", "low", "high"])
    @pytest.mark.parametrize(
        "where", ["", "state in ('CA', 'TX')", "employees >= 20 or state = 'NY'", "country = 'US'"]
    )
    @pytest.mark.parametrize("priority", [5, 100])
    def test_what_is_tried_is_what_the_saved_model_does(
        self, world: World, planner: Caller, territory: str, where: str, priority: int
    ) -> None:
        nodes = [dict(node) for node in builders.WEST_EAST]
        nodes[1] |= {"named": ["A-east"], "exclude": ["A-west"]}
        nodes += [
            {"key": "low", "parent": "west", "where": "employees < 25", "priority": 100},
            {"key": "high", "parent": "us", "where": "employees > 15", "priority": 50, "named": ["A-west"]},
        ]
        plans.apply_document(world.services, OPERATOR, builders.document(nodes, key="p"))
        tried = self.count(planner, where, territory, model="p", priority=priority, parts=["wins"])
        changed = [
            node | {"where": where or None, "priority": priority} if node["key"] == territory else node
            for node in nodes
        ]
        document = builders.document(
            [{key: value for key, value in node.items() if value is not None} for node in changed], key="p"
        )
        ruleset = compile_ruleset(read_document(document))
        found = [
            match_record(ruleset, row) for row in world.services.records.snapshot("accounts").to_pylist()
        ]
        ours = [
            one
            for one in found
            if any(
                entry.territory == territory and entry.outcome in MATCHING and entry.cause != "named"
                for entry in one.considered
            )
        ]
        assert tried["wins"] == sum(one.winner == territory for one in found)
        if where:  # a grouping claims nothing, and what is named there is not told apart from what matches
            assert tried["matches"] >= len(ours)
        others = {one.winner for one in ours} - {territory}
        assert others <= {rival["territory"] for rival in tried["rivals"]}

    def test_named_accounts_are_won_whatever_the_rule_says(self, plan: Caller) -> None:
        mark = plan.get(ADDRESS).headers["ETag"]
        plan("PATCH", ADDRESS, {"named": ["A-east"], "exclude": ["A-west"]}, If_Match=mark)
        found = self.count(plan, "state = 'CA'", model="plan")
        assert (found["matches"], found["wins"], found["won_by_name"]) == (0, 1, 1)

    def test_no_rule_hands_on_what_is_above(self, planner: Caller) -> None:
        found = self.count(planner, " ")
        assert (found["is_grouping"], found["matches"], found["wins"]) == (True, 4, 0)

    def test_examples_hold_enough_for_a_case(self, planner: Caller) -> None:
        (example,) = self.count(planner, "state = 'CA' and employees < 50")["examples"]
        assert example["winner"] == "west"
        assert example["record"] == {"country": "US", "state": "CA", "employees": 10}

    def test_points_are_bounded(self, world: World, planner: Caller) -> None:
        rows = [
            {"external_id": f"P{n}", "state": "CA", "latitude": 30 + n / 200, "longitude": -120.0}
            for n in range(2500)
        ]
        builders.add_accounts(world.services, rows)
        found = self.count(planner, "state = 'CA'", parts=["points"])
        assert found["located"] == 2500
        assert len(found["points"]["lat"]) <= 2000
        assert sum(found["points"]["n"]) == 2500
        assert "examples" not in found

    def test_a_wrong_rule_is_told_with_its_places(self, planner: Caller) -> None:
        response = planner("POST", "/rules/count", {"territory": "west", "where": "stat = 'CA'"})
        assert response.status_code == 422
        assert response.json()["problems"][0]["column"] == 1
        assert planner("POST", "/rules/count", {"territory": "none", "where": ""}).status_code == 404

    def test_cases_given_are_tried(self, planner: Caller) -> None:
        cases = [
            {"record": {"state": "CA", "country": "US"}, "expect": "win"},
            {"record": {"state": "OR", "country": "US"}},
        ]
        body = {"territory": "west", "where": "state = 'CA'", "cases": cases}
        found = planner("POST", "/rules/check", body).json()["cases"]
        assert [case["passes"] for case in found] == [True, False]
        assert found[1]["message"] == "The territory should match, but state = 'CA' failed."


class TestPlans:
    def test_a_territory_is_changed_under_its_etag(self, plan: Caller) -> None:
        first = plan.get(ADDRESS)
        assert plan("PATCH", ADDRESS, {"notes": "x"}).status_code == 428
        done = plan("PATCH", ADDRESS, {"where": "state = 'OR'"}, If_Match=first.headers["ETag"])
        assert (done.status_code, done.json()["where"]) == (200, "state = 'OR'")
        stale = plan("PATCH", ADDRESS, {"where": "state = 'AZ'"}, If_Match=first.headers["ETag"])
        assert stale.status_code == 412
        assert stale.json()["difference"] == {"where": ["state = 'AZ'", "state = 'OR'"]}
        assert (
            plan("PATCH", ADDRESS, {"where": "state = 'AZ'"}, If_Match=done.headers["ETag"]).status_code
            == 200
        )

    def test_territories_come_and_go(self, plan: Caller) -> None:
        new = "/models/plan/territories/north"
        made = plan("PUT", new, {"name": "North", "parent": "us", "where": "state = 'MN'"})
        assert made.status_code == 201
        assert plan("PUT", new, {"name": "North"}).status_code == 409
        assert plan("DELETE", new).status_code == 428
        assert plan("DELETE", new, If_Match=made.headers["ETag"]).json() == {
            "removed": ["north"],
            "moved": [],
        }
        assert plan.get(new).status_code == 404
        mark = plan.get("/models/plan/territories/us").headers["ETag"]
        assert plan("DELETE", "/models/plan/territories/us", If_Match=mark).status_code == 409
        gone = plan("DELETE", "/models/plan/territories/us?children=remove", If_Match=mark).json()
        assert len(gone["removed"]) == 4

    def test_the_active_model_is_not_changed(self, planner: Caller) -> None:
        address = "/models/m1/territories/west"
        mark = planner.get(address).headers["ETag"]
        response = planner("PATCH", address, {"notes": "x"}, If_Match=mark)
        assert (response.status_code, response.json()["code"]) == (409, "model-not-in-planning")

    def test_a_wrong_rule_is_refused_with_its_place(self, plan: Caller) -> None:
        mark = plan.get(ADDRESS).headers["ETag"]
        response = plan("PATCH", ADDRESS, {"where": "stat = 1"}, If_Match=mark)
        assert response.status_code == 422
        assert response.json()["problems"][0]["where"] == "territories/west/where"


@pytest.mark.parametrize("role", ["rep", "manager"])
def test_only_planners_get_an_answer(world: World, role: str) -> None:
    caller = Caller(world.tokens[role])
    calls: list[tuple[str, str, Any]] = [
        ("GET", "/rules/fields", None), ("GET", "/rules/values?field=state", None), ("GET", ADDRESS, None),
        ("POST", "/rules/read", {"text": "state = 'CA'"}), ("POST", "/rules/write", {"tree": None}),
        ("POST", "/rules/count", {"territory": "west", "where": ""}), ("POST", "/rules/check", {"territory": "west", "where": ""}),
        ("POST", "/models/m1/clone", {}), ("PATCH", ADDRESS, {}), ("PUT", ADDRESS, {}), ("DELETE", ADDRESS, None),
    ]  # fmt: skip
    assert {caller(method, path, body).status_code for method, path, body in calls} == {403}


class TestHostileText:
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("(" * 10_000 + "a = 1" + ")" * 10_000, "criteria-too-deep"),
            ("not " * 20_000 + "state = 'x'", "criteria-too-deep"),
            ("state in (" + ",".join(f"'{n}'" for n in range(20_000)) + ")", "criteria-too-long"),
            ("matches(name, '" + "(a+)+" * 300 + "')", "bad-pattern"),
            ("matches(name, '(?=x)')", "bad-pattern"),
            ("state = 'x\0'", "bad-character"),
        ],
    )
    def test_monsters_are_told_apart(self, planner: Caller, text: str, code: str) -> None:
        answer = read(planner, text)
        assert answer["tree"] is None or code == "bad-pattern"
        assert answer["problems"][0]["code"] == code

    def test_a_catastrophic_pattern_is_harmless(self, world: World, planner: Caller) -> None:
        builders.add_accounts(world.services, [{"external_id": "R", "name": "a" * 250 + "!"}])
        body = {"territory": "west", "where": "matches(name, '^(a+)+$')"}
        assert planner("POST", "/rules/count", body).json()["matches"] == 0

    @pytest.mark.parametrize("path", ["/rules/read", "/rules/count", "/rules/check"])
    def test_ten_megabytes_are_refused_unread(self, planner: Caller, path: str) -> None:
        body = {"text" if path == "/rules/read" else "where": "x" * 10_000_000}
        response = planner("POST", path, body)
        assert (response.status_code, response.json()["code"]) == (413, "too-large")

    def test_a_tree_of_ten_thousand_levels_is_refused(self, planner: Caller) -> None:
        tree = '{"kind":"not","part":' * 10_000 + "null" + "}" * 10_000
        response = planner.client.post(
            "/api/v1/rules/write",
            f'{{"tree":{tree}}}',
            content_type="application/json",
            headers=planner.headers,
        )
        assert response.status_code in (400, 422)
        json.loads(response.content)
