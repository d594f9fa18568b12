"""merestone review start · status · remind; merestone challenge list · decide."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from merestone.cli.context import AsUser, Database, DataDir, Json, program
from merestone.cli.screen import out, say

# Use cases are imported where they run: `merestone --help` must not wait for them.
app = typer.Typer(help="Have a model looked at before it is published.", no_args_is_help=True)
challenge_app = typer.Typer(help="Change requests against a model in review.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(help="Model key.")]


@app.command(
    epilog="Example: merestone review start fy27 --suggested --until 2026-12-15 --message 'Please look.'"
)
def start(
    ctx: typer.Context,
    key: Key,
    ask: Annotated[
        list[str] | None,
        typer.Option(
            "--ask", help="A user by e-mail; EMAIL:approver or EMAIL:approver:TERRITORY to approve."
        ),
    ] = None,
    suggested: Annotated[
        bool,
        typer.Option("--suggested", help="Ask all whose accounts move, their managers, and who approves."),
    ] = False,
    until: Annotated[
        datetime | None,
        typer.Option("--until", formats=["%Y-%m-%d"], help="Last day for challenges, in the company's zone."),
    ] = None,
    message: Annotated[str, typer.Option("--message", help="What to tell them.")] = "",
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Bring a planning model into review and ask people to look at it."""
    from merestone.app.review.inviting import Guest
    from merestone.app.review.inviting import suggested as whom
    from merestone.app.review_start import start_review

    services = program(ctx).open(data_dir, database)
    actor = program(ctx).actor(as_user)
    guests = [_guest(services, text) for text in ask or ()]
    if suggested:
        guests += [Guest(one["user_id"], one["role"], one["territory"]) for one in whom(services, actor, key)]
    done = start_review(
        services, actor, key, guests, ends_on=until.date() if until else None, message=message
    )
    say(done, as_json=as_json, title="Review started")


def _guest(services: Any, text: str) -> Any:
    from merestone.app.review.inviting import Guest
    from merestone.base.errors import NotFoundError

    email, role, territory = (*text.split(":", 2), "", "")[:3]
    users = {person.email.lower(): person.user_id for person in services.reviews.people()}
    if email.lower() not in users:
        raise NotFoundError(f"There is no active user '{email}'.", fix="`merestone user list` shows all.")
    return Guest(users[email.lower()], role or "reviewer", territory or None)


@app.command(epilog="Example: merestone review status fy27")
def status(
    ctx: typer.Context,
    key: Key,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Show who has looked, what was challenged and decided, and what is approved; exit code 1 when approvals miss."""
    from merestone.app.review.summary import summary

    services = program(ctx).open(data_dir, database)
    found = summary(services, program(ctx).actor(as_user), key)
    if as_json:
        say(found, as_json=True)
    else:
        _print(found)
    if found["approved"] < found["demanded"]:
        raise typer.Exit(1)


def _print(found: dict[str, Any]) -> None:
    until = f", challenges until {found['ends_on']}" if found["ends_on"] else ""
    out.print(f"{found['name']} is {found['state'].replace('_', ' ')}{until}.", markup=False)
    out.print(f"{found['looked']} of {found['asked']} have looked.")
    for one in found["people"]:
        looked = f"{one['looked_at']:%Y-%m-%d %H:%M}" if one["looked_at"] else "not yet"
        out.print(f"  {one['name']:<28} {one['role']:<9} {one['territory_name']:<24} {looked}", markup=False)
    for state, n in found["challenges"].items():
        out.print(f"{n} challenges {state}.")
    for one in found["approvals"]:
        who = one["by"] or " or ".join(one["who"]) or "nobody may approve it"
        out.print(f"  {one['name']:<28} {one['state']:<9} {who}", markup=False)


@app.command(epilog="Example: merestone review remind fy27")
def remind(
    ctx: typer.Context,
    key: Key,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Remind those who have not looked or approved; nobody twice a day."""
    from merestone.app.review import reminders

    services = program(ctx).open(data_dir, database)
    n_told = reminders.remind(services, program(ctx).actor(as_user), key)
    say({"reminded": n_told}, as_json=as_json)


@challenge_app.command("list", epilog="Example: merestone challenge list fy27 --state open")
def list_challenges(
    ctx: typer.Context,
    key: Key,
    state: Annotated[
        str | None, typer.Option("--state", help="open, accepted, rejected, withdrawn or expired.")
    ] = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """List the challenges of a model."""
    from merestone.app.review.challenges import listed

    services = program(ctx).open(data_dir, database)
    rows = listed(services, program(ctx).actor(as_user), key)
    shown = [row for row in rows if state is None or row["state"] == state]
    if as_json:
        say({"challenges": shown}, as_json=True)
        return
    for row in shown:
        what = f"swap for {row['other_name']}" if row["kind"] == "swap" else row["kind"]
        out.print(
            f"{row['id']:>6}  {row['state']:<9} {row['account_name']}: {what}, for {row['rep_name']}"
            f" (decide by {row['due_on'] or 'any day'})",
            markup=False,
        )


@challenge_app.command(
    epilog="Example: merestone challenge decide fy27 12 --accept --note 'Ten years together.'"
)
def decide(
    ctx: typer.Context,
    key: Key,
    number: Annotated[int, typer.Argument(help="Id of the challenge.")],
    accept: Annotated[bool, typer.Option("--accept/--reject", help="What is decided.")],
    note: Annotated[str, typer.Option("--note", help="Why; both sides read it.")] = "",
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Accept or reject a challenge; accepting edits the model and voids the approvals this touches."""
    from merestone.app.review import deciding

    services = program(ctx).open(data_dir, database)
    done = deciding.decide(services, program(ctx).actor(as_user), key, number, accept=accept, note=note)
    say(done, as_json=as_json)
