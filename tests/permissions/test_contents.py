"""No list, count, search, suggestion, map, export, history or error text tells of a record that is hidden."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest
from tests.permissions.routes import Route, all_routes
from tests.permissions.rules import ACTORS, PLACES, reads
from tests.permissions.world import WORDS, Whole, World

pytestmark = pytest.mark.django_db
SIGNED_IN = [actor for actor, who in ACTORS.items() if who.role is not None]
LIMITED = ("manager", "rep", "grantee")
NAMES = (
    "{} Brewing",
    "{} Prospect",
    "{}Buyer",
    "{} Deal",
    "{} Call",
    "{}-C",
    "{} Dispute",
    "{} Seller",
    "{} Land",
    "{} Away",
    "{} Cover",
    "{} Wish",
)
"""What records and territories of a relation are called."""
WRITTEN = ("{} Paper", "{} Lesson")
"""What is written for the people of a territory, and for those below."""
TEXTS = ("guidelines", "training")
"""Beginnings of addresses that show such texts."""
LINK_TO_TEXT = re.compile(r'href="/(?:guidelines|training)/\d+/">[^<]*')
COUNTED = ("accounts", "leads", "opportunities", "contacts", "contracts", "activities", "reps", "claims")


def hidden_names(actor: str) -> list[str]:
    """Return the names of all that the actor does not see."""
    who = ACTORS[actor]
    relations = [relation for relation, path in PLACES.items() if not who.holds("see", path)]
    if not who.holds("manage-rules", ("us", "dream")):
        relations.append("planning")
    names = [name.format(WORDS[relation]) for relation in relations for name in NAMES]
    read = [relation for relation, path in PLACES.items() if reads(actor, path)]
    unread = [relation for relation in WORDS if relation not in read]
    return names + [name.format(WORDS[relation]) for relation in unread for name in WRITTEN]


def told(answer: Whole) -> str:
    """Return an answer's content as text, also of a file of a program."""
    if answer.content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            return "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    if answer.content[:4] == b"PAR1":
        return str(pq.read_table(io.BytesIO(answer.content)).to_pydict())
    return answer.text + str(answer.headers.get("Location", ""))


def leaks(world: World, actor: str, asked: Iterator[tuple[Route, str]]) -> list[str]:
    """Return which answers hold the name of something hidden."""
    names = hidden_names(actor)
    assert names
    above = {f"{WORDS[relation]} Land" for relation, path in PLACES.items() if reads(actor, path)}
    hidden, beside_texts = (
        re.compile("|".join(map(re.escape, wanted)))
        for wanted in (names, [name for name in names if name not in above])
    )
    found = []
    for route, url in asked:
        text = told(world.ask(actor, route, url))
        # Rules of engagement of a territory above one's own are told with its name, and nothing else of it is.
        is_text = route.template.removeprefix("api/v1/").startswith(TEXTS)
        pattern, text = (beside_texts, text) if is_text else (hidden, LINK_TO_TEXT.sub("", text))
        if match := pattern.search(text):
            around = text[max(0, match.start() - 80) : match.end() + 40].replace("\n", " ")
            found.append(f"{actor} {route.method} {url}: …{around}…")
    return found


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("accounts/", "Elsemere Brewing"),
        ("accounts/export/xlsx/", "Elsemere Brewing"),
        ("accounts/export/parquet/", "Elsemere Brewing"),
        ("leads/export/csv/", "Elsemere Prospect"),
        ("search/?q=Elsemere", "Elsemere Brewing"),
        ("territories/", "Elsemere Land"),
        ("models/next/", "Dreamford Land"),
        ("api/v1/contacts", "ElsemereBuyer"),
        ("api/v1/export/opportunities.csv", "Elsemere Deal"),
    ],
)
def test_the_names_are_there_to_be_found(world: World, address: str, name: str) -> None:
    route = Route("api" if address.startswith("api") else "web", "GET", address, "see", "page")
    assert name in told(world.ask("planner", route, f"/{address}"))


@pytest.mark.parametrize("actor", LIMITED)
def test_no_page_list_or_export_names_what_is_hidden(world: World, actor: str) -> None:
    def asked() -> Iterator[tuple[Route, str]]:
        for route in all_routes():
            if route.subject == "page" and route.is_safe:
                yield route, route.url()
                if "{fmt}" in route.template:
                    yield route, route.url(fmt="xlsx")
                    yield route, route.url(fmt="parquet")

    assert not (found := leaks(world, actor, asked())), "\n".join(found)


@pytest.mark.parametrize("actor", LIMITED)
def test_nothing_around_what_is_seen_names_what_is_hidden(world: World, actor: str) -> None:
    who = ACTORS[actor]

    def asked() -> Iterator[tuple[Route, str]]:
        for route in all_routes():
            if not route.is_safe:
                continue
            table = route.subject.partition(":")[2]
            for relation, path in PLACES.items():
                if not who.holds("see", path) or relation in ("sibling", "parent"):
                    continue
                if table in world.parts:
                    yield route, route.url(part=world.parts[table][relation])
                elif table:
                    yield route, route.url(record_id=world.records[table][relation])
                elif route.subject == "territory":
                    yield route, route.url(key=path[-1])
                elif route.subject == "planned":
                    yield route, route.url(key="next", territory=path[-1])
            if route.subject == "model":
                yield route, route.url(key="next")
                yield route, route.url(key="m1")

    assert not (found := leaks(world, actor, asked())), "\n".join(found)


@pytest.mark.parametrize("actor", LIMITED)
def test_search_filters_and_suggestions_find_nothing_hidden(world: World, actor: str) -> None:
    def asked() -> Iterator[tuple[Route, str]]:
        words = [WORDS[relation] for relation, path in PLACES.items() if not ACTORS[actor].holds("see", path)]
        for route in all_routes():
            if route.subject != "page" or not route.is_safe or route.template.endswith("{fmt}/"):
                continue
            more = "" if route.face == "api" else f"&name__contains={words[0]}&field=name"
            yield route, f"{route.url()}?q={words[0]}{more}"

    assert not (found := leaks(world, actor, asked())), "\n".join(found)


@pytest.mark.parametrize("actor", SIGNED_IN)
def test_counts_are_of_what_is_seen(world: World, actor: str) -> None:
    who = ACTORS[actor]
    seen = {relation for relation, path in PLACES.items() if who.holds("see", path)}
    for table in COUNTED:
        route = Route("api", "GET", f"api/v1/{table}", "see", "page")
        page = world.ask(actor, route, f"/api/v1/{table}?count=true").json()
        extra = set(page["ids"]) - set(world.records[table].values())
        assert {world.records[table][relation] for relation in seen} == set(page["ids"]) - extra, (
            actor,
            table,
        )
        assert page["total"] == len(page["ids"]), (actor, table)
        assert table == "reps" or not extra


@pytest.mark.parametrize("actor", ["manager", "rep"])
def test_a_reference_to_something_hidden_reads_like_one_to_nothing(world: World, actor: str) -> None:
    hidden = world.records["accounts"]["elsewhere"]
    route = Route("api", "POST", "api/v1/activities", "log-activity", "page")

    def told_about(account: int) -> tuple[int, str]:
        body = {"kind": "note", "subject": "x", "occurs_at": "2026-01-01T00:00:00Z", "account_id": account}
        answer = world.ask(actor, route, "/api/v1/activities", body=body)
        return answer.status, answer.text.replace(str(account), "N")

    assert told_about(hidden) == told_about(999_999)
    assert told_about(hidden)[0] == 422
    assert told_about(world.records["accounts"]["own"])[0] == 201


def test_seeing_grows_from_rep_to_manager_to_administrator(world: World) -> None:
    for table in COUNTED:
        route = Route("api", "GET", f"api/v1/{table}", "see", "page")
        rep, manager, admin = (
            set(world.ask(actor, route, f"/api/v1/{table}").json()["ids"])
            for actor in ("rep", "manager", "admin")
        )
        assert rep < manager < admin, table


@pytest.mark.parametrize("actor", SIGNED_IN)
def test_why_agrees_with_what_is_seen(world: World, actor: str) -> None:
    route = Route("api", "GET", "api/v1/access/why", "see", "page")
    for table in COUNTED[:-2]:
        for relation, path in PLACES.items():
            record = world.records[table][relation]
            url = f"/api/v1/access/why?table={table}&key={record}&user_id={world.users[actor]}"
            answer = world.ask("admin", route, url).json()
            assert answer["sees"] is ACTORS[actor].holds("see", path), (table, relation)
            assert bool(answer["reasons"]) is answer["sees"], (table, relation)
