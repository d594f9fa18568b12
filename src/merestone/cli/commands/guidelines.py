"""merestone guideline show · set · diff · who · acknowledge; merestone training list · add · done · who · retire."""

from __future__ import annotations

import difflib
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from merestone.base.errors import NotFoundError, UsageError
from merestone.cli.context import AsUser, Database, DataDir, Json, program
from merestone.cli.screen import out, say

app = typer.Typer(help="Rules of engagement of the company, models and territories.", no_args_is_help=True)
training_app = typer.Typer(help="Training of the people of a territory.", no_args_is_help=True)

Territory = Annotated[str | None, typer.Option(help="Key of a territory; default: the whole company.")]
Model = Annotated[str | None, typer.Option(help="Key of a model.")]
Number = Annotated[int | None, typer.Option("--number", min=1, help="Which version; default: the newest.")]
ItemId = Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="Id, as `training list` shows it.")]


def _versions(ctx: typer.Context, as_user: str | None, territory: str | None, model: str | None) -> list[Any]:
    from merestone.db.queries import guidelines as queries

    if territory and model:
        raise UsageError("Name a territory or a model.", code="bad-choice", fix="Leave one out.")
    found = queries.versions(program(ctx).actor(as_user), territory=territory, model=model)
    if not found:
        raise NotFoundError("There are no such rules of engagement.")
    return found


def _chosen(found: list[Any], number: int | None) -> Any:
    if number is None:
        return found[0]
    chosen = next((paper for paper in found if paper.number == number), None)
    if chosen is None:
        raise NotFoundError(f"There is no version {number}.", fix=f"The newest is {found[0].number}.")
    return chosen


@app.command(epilog="Example: merestone guideline show --territory us-west")
def show(
    ctx: typer.Context,
    territory: Territory = None,
    model: Model = None,
    number: Number = None,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Print rules of engagement."""
    program(ctx).open(data_dir, database)
    found = _versions(ctx, as_user, territory, model)
    paper = _chosen(found, number)
    if as_json:
        versions = [{"number": one.number, "at": one.at, "author": one.author} for one in found]
        say({"id": paper.id, "number": paper.number, "is_in_force": paper.is_in_force, "text": paper.text,
             "must_be_acknowledged": paper.must_be_acknowledged, "versions": versions}, as_json=True)  # fmt: skip
        return
    sys.stdout.write(f"{paper.text}\n")


@app.command("set", epilog="Example: merestone guideline set rules.md --territory us-west")
def set_text(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="Markdown file; - reads the standard input.", allow_dash=True)],
    territory: Territory = None,
    model: Model = None,
    ask: Annotated[bool, typer.Option("--ask/--no-ask", help="Ask those they are for to confirm.")] = True,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Save a text as a new version; an empty one withdraws."""
    from merestone.app import guidelines

    services = program(ctx).open(data_dir, database)
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file.name} is not UTF-8.", code="unreadable", fix="Save it as UTF-8.") from error
    made = guidelines.save_guidelines(
        services,
        program(ctx).actor(as_user),
        text,
        territory=territory,
        model=model,
        must_be_acknowledged=ask,
    )
    say({"changed": made is not None, "id": made}, as_json=as_json, title="Rules of engagement")


@app.command(epilog="Example: merestone guideline diff 1 2 --territory us-west")
def diff(
    ctx: typer.Context,
    old: Annotated[int, typer.Argument(min=1, help="Number of a version.")],
    new: Annotated[int, typer.Argument(min=1, help="Number of another.")],
    territory: Territory = None,
    model: Model = None,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
) -> None:
    """Print how two versions differ; exit code 1 when they do."""
    program(ctx).open(data_dir, database)
    found = _versions(ctx, as_user, territory, model)
    before, after = _chosen(found, old), _chosen(found, new)
    lines = list(
        difflib.unified_diff(
            before.text.split("\n"), after.text.split("\n"), f"version {old}", f"version {new}", lineterm=""
        )
    )
    for line in lines:
        sys.stdout.write(f"{line}\n")
    raise typer.Exit(1 if lines else 0)


@app.command(epilog="Example: merestone guideline who --territory us-west --json")
def who(
    ctx: typer.Context,
    territory: Territory = None,
    model: Model = None,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List who has read the version in force; exit code 1 while somebody has not."""
    from merestone.db.queries import guidelines as queries

    program(ctx).open(data_dir, database)
    paper = _versions(ctx, as_user, territory, model)[0]
    _say_people(queries.readers(program(ctx).actor(as_user), paper), as_json=as_json)


def _say_people(people: Any, *, as_json: bool) -> None:
    missing = sum(one.at is None for one in people)
    if as_json:
        lines = [{"name": one.name, "email": one.email, "at": one.at} for one in people]
        say({"people": lines, "missing": missing}, as_json=True)
    else:
        for one in people:
            when = "not yet" if one.at is None else f"{one.at:%Y-%m-%d}"
            out.print(f"{when:<12} {one.name}  {one.email}", markup=False)
    raise typer.Exit(1 if missing else 0)


@app.command(epilog="Example: merestone guideline acknowledge --territory us-west --as ana@example.com")
def acknowledge(
    ctx: typer.Context,
    territory: Territory = None,
    model: Model = None,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Confirm that one has read the version in force."""
    from merestone.app import guidelines

    services = program(ctx).open(data_dir, database)
    paper = _versions(ctx, as_user, territory, model)[0]
    is_new = guidelines.acknowledge(services, program(ctx).actor(as_user), paper.id)
    say({"number": paper.number, "is_new": is_new}, as_json=as_json, title="Confirmed")


@training_app.command("list", epilog="Example: merestone training list --overdue --json")
def list_training(
    ctx: typer.Context,
    overdue: Annotated[
        bool, typer.Option("--overdue", help="Only what somebody should have done by now.")
    ] = False,
    retired: Annotated[bool, typer.Option("--retired", help="Also what is out of use.")] = False,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List training items and how many have done them."""
    from merestone.db.queries import guidelines as queries

    program(ctx).open(data_dir, database)
    found = [
        one
        for one in queries.lessons(program(ctx).actor(as_user), is_retired=retired)
        if not overdue or (one.is_overdue and one.missing)
    ]
    items = [
        {
            "id": one.item.pk,
            "title": one.item.title,
            "territory": one.item.territory.key if one.item.territory else None,
            "due_on": one.item.due_on,
            "is_overdue": one.is_overdue,
            "is_retired": one.item.retired_at is not None,
            "done": one.n_done,
            "people": len(one.people),
            "missing": [reader.email for reader in one.missing],
        }
        for one in found
    ]
    if as_json:
        say({"training": items}, as_json=True)
        return
    for item in items:
        due = f"due {item['due_on']}" if item["due_on"] else "no due date"
        out.print(
            f"{item['id']:>6}  {item['title']}  ({item['territory'] or 'everybody'}, {due}): {item['done']} of {item['people']}",
            markup=False,
        )


@training_app.command(
    "add", epilog="Example: merestone training add 'New price list' --territory us-west --due 2027-01-31"
)
def add(
    ctx: typer.Context,
    title: Annotated[str, typer.Argument(help="What it is called.")],
    territory: Annotated[
        str | None, typer.Option(help="For its members and below; default: everybody.")
    ] = None,
    role: Annotated[list[str] | None, typer.Option(help="Only these member roles; repeat.")] = None,
    due: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day to do it.")] = None,
    url: Annotated[str, typer.Option(help="Where to do it.")] = "",
    body: Annotated[str, typer.Option(help="What it is about, in Markdown.")] = "",
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Make a training item and tell those it is for."""
    from merestone.app import guidelines

    services = program(ctx).open(data_dir, database)
    made = guidelines.save_training(
        services, program(ctx).actor(as_user), title=title, body=body, url=url, territory=territory,
        roles=role or (), due_on=due.date() if due else None,
    )  # fmt: skip
    say({"id": made}, as_json=as_json, title="Training")


@training_app.command("done", epilog="Example: merestone training done 4 --as ana@example.com")
def done(
    ctx: typer.Context,
    item: ItemId,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Say that one has done an item."""
    from merestone.app import guidelines

    services = program(ctx).open(data_dir, database)
    say(
        {"is_new": guidelines.mark_done(services, program(ctx).actor(as_user), item)},
        as_json=as_json,
        title="Done",
    )


@training_app.command("who", epilog="Example: merestone training who 4")
def who_learned(
    ctx: typer.Context,
    item: ItemId,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List who has done an item; exit code 1 while somebody has not."""
    from merestone.db.queries import guidelines as queries

    program(ctx).open(data_dir, database)
    found = queries.lessons(program(ctx).actor(as_user), is_retired=True)
    lesson = next((one for one in found if one.item.pk == item), None)
    if lesson is None:
        raise NotFoundError("There is no such training item.")
    _say_people(lesson.people, as_json=as_json)


@training_app.command("retire", epilog="Example: merestone training retire 4")
def retire(
    ctx: typer.Context,
    item: ItemId,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Take an item out of use; who did it stays on record."""
    from merestone.app import guidelines

    services = program(ctx).open(data_dir, database)
    guidelines.retire_training(services, program(ctx).actor(as_user), item)
    say({"id": item, "is_retired": True}, as_json=as_json, title="Training")
