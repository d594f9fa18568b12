"""merestone grant: rights on parts of the tree."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from merestone.base.errors import NotFoundError, UsageError
from merestone.cli.context import AsUser, Database, DataDir, Json, program
from merestone.cli.screen import say

app = typer.Typer(
    help="Rights on a territory and all below it, beyond those of a role.", no_args_is_help=True
)
Email = Annotated[str, typer.Argument(help="E-mail of the user.")]


def _say(grant: dict[str, Any], *, as_json: bool, title: str = "") -> None:
    rights = grant["rights"] if as_json else ", ".join(grant["rights"])
    say(grant | {"rights": rights}, as_json=as_json, title=title)


@app.command("give", epilog="Example: merestone grant give ana@example.com --territory us-west --right plan")
def give(
    ctx: typer.Context,
    email: Email,
    right: Annotated[list[str], typer.Option(help="Right to give; repeat.")],
    territory: Annotated[
        str | None, typer.Option(help="Key of the territory; default: the whole company.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day without it.")
    ] = None,
    note: Annotated[str, typer.Option(help="Why.")] = "",
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Give a user rights, instead of what they were given there before."""
    from merestone.app import admin
    from merestone.app.access import grants

    services = program(ctx).open(data_dir, database)
    made = grants.give_grant(
        services,
        program(ctx).actor(as_user),
        user_id=admin.user_by_email(services, email)["id"],
        territory=territory,
        rights=right,
        ends_on=until.date() if until else None,
        note=note,
    )
    _say(grants.as_dict(made), as_json=as_json, title="Given")


@app.command("list", epilog="Example: merestone grant list --territory us-west --json")
def list_grants(
    ctx: typer.Context,
    user: Annotated[str | None, typer.Option(help="Only this user's (e-mail).")] = None,
    territory: Annotated[str | None, typer.Option(help="Only those that reach this territory.")] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Also those that are over.")] = False,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List grants."""
    from merestone.app import admin
    from merestone.app.access import grants

    services = program(ctx).open(data_dir, database)
    user_id = admin.user_by_email(services, user)["id"] if user else None
    found = [
        grants.as_dict(grant)
        for grant in grants.list_grants(
            services, program(ctx).actor(as_user), user_id=user_id, territory=territory, ended=ended
        )
    ]
    if as_json:
        say({"grants": found}, as_json=True)
        return
    for grant in found:
        _say(grant, as_json=False)


@app.command("end", epilog="Example: merestone grant end ana@example.com --territory us-west")
def end(
    ctx: typer.Context,
    email: Email,
    territory: Annotated[str | None, typer.Option(help="Its territory; default: the whole company.")] = None,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """End a grant at once."""
    from merestone.app import admin
    from merestone.app.access import grants

    services, actor = program(ctx).open(data_dir, database), program(ctx).actor(as_user)
    user_id = admin.user_by_email(services, email)["id"]
    found = [
        grant
        for grant in grants.list_grants(services, actor, user_id=user_id)
        if grant.territory == territory
    ]
    if not found:
        raise NotFoundError("There is no such grant.", fix="`merestone grant list` shows all.")
    _say(grants.as_dict(grants.end_grant(services, actor, found[0].id)), as_json=as_json, title="Ended")


@app.command("why", epilog="Example: merestone grant why ana@example.com accounts 17")
def why(
    ctx: typer.Context,
    email: Email,
    table: Annotated[str, typer.Argument(help="accounts, leads, …, or territories.")],
    key: Annotated[str, typer.Argument(help="The record's id, or the territory's key.")],
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Tell why a user sees a record or a territory; exit code 1 when they do not."""
    services = program(ctx).open(data_dir, database)
    from merestone.app import admin
    from merestone.db.queries import access

    if table != "territories" and table not in access.RECORDS:
        known = ", ".join([*access.RECORDS, "territories"])
        raise UsageError(f"'{table}' is not a table.", code="unknown-table", fix=f"Use one of {known}.")
    user_id = admin.user_by_email(services, email)["id"]
    found = access.why(program(ctx).actor(as_user), user_id, table=table, key=key)
    if found is None:
        raise NotFoundError("There is no such record.")
    reasons = [reason.sentence for reason in found.reasons]
    if as_json:
        say({"name": found.name, "sees": found.sees, "reasons": reasons}, as_json=True)
    else:
        say({"name": found.name, "sees": found.sees, "because": "\n".join(reasons) or "–"}, as_json=False)
    raise typer.Exit(0 if found.sees else 1)
