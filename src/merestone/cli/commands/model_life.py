"""merestone model submit · return · schedule · cancel · publish · undo · archive · events · policies."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from merestone.cli.commands.models import app
from merestone.cli.context import AsUser, Database, DataDir, Json, program
from merestone.cli.screen import err, out, say

Key = Annotated[str, typer.Argument(help="Model key.")]
Note = Annotated[str, typer.Option("--note", help="Why; kept with the step.")]
Version = Annotated[
    int | None,
    typer.Option("--version", help="Only if the model still has this version (`model events` shows it)."),
]
Hash = Annotated[
    str | None,
    typer.Option("--hash", help="Only if the model says exactly what has this hash (`model events`)."),
]


@app.command(epilog="Example: merestone model submit fy27 --note 'Ready for the managers'")
def submit(
    ctx: typer.Context,
    key: Key,
    note: Note = "",
    version: Version = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Send a planning model to review."""
    from merestone.app import lifecycle

    services = program(ctx).open(data_dir, database)
    done = lifecycle.submit(services, program(ctx).actor(as_user), key, note=note, version=version)
    say(done, as_json=as_json, title="Model in review")


@app.command("return", epilog="Example: merestone model return fy27 --note 'Texas is missing'")
def send_back(
    ctx: typer.Context,
    key: Key,
    note: Note = "",
    version: Version = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Take a model out of review, back to planning."""
    from merestone.app import lifecycle

    services = program(ctx).open(data_dir, database)
    done = lifecycle.send_back(services, program(ctx).actor(as_user), key, note=note, version=version)
    say(done, as_json=as_json, title="Model back in planning")


@app.command(epilog="Example: merestone model schedule fy27 --effective 2027-01-01")
def schedule(
    ctx: typer.Context,
    key: Key,
    effective: Annotated[
        str | None,
        typer.Option(
            "--effective",
            help="Day (its first instant) or day and time, in the company's zone; default: the model's first day.",
        ),
    ] = None,
    content: Hash = None,
    note: Note = "",
    version: Version = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Have the worker publish a model at an instant in the future, exactly as it is now."""
    from merestone.app import lifecycle

    services = program(ctx).open(data_dir, database)
    done = lifecycle.schedule(
        services,
        program(ctx).actor(as_user),
        key,
        effective=effective,
        note=note,
        content=content,
        version=version,
    )
    done["takes_effect_at"] = done["takes_effect_at"].isoformat()
    say(done, as_json=as_json, title="Model scheduled")


@app.command(epilog="Example: merestone model cancel fy27")
def cancel(
    ctx: typer.Context,
    key: Key,
    note: Note = "",
    version: Version = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Take a scheduled model back to planning."""
    from merestone.app import lifecycle

    services = program(ctx).open(data_dir, database)
    done = lifecycle.cancel(services, program(ctx).actor(as_user), key, note=note, version=version)
    say(done, as_json=as_json, title="Schedule cancelled")


@app.command(epilog="Example: merestone model publish fy27")
def publish(
    ctx: typer.Context,
    key: Key,
    fingerprint: Annotated[
        str | None,
        typer.Option(
            "--fingerprint", help="Publish only if exactly that moves which `model diff --accounts` showed."
        ),
    ] = None,
    content: Hash = None,
    note: Note = "",
    version: Version = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Make a model the active one, re-assign every account, and hand open work over."""
    from merestone.app import lifecycle

    services = program(ctx).open(data_dir, database)
    result = lifecycle.publish(
        services,
        program(ctx).actor(as_user),
        key,
        fingerprint=fingerprint,
        content=content,
        version=version,
        note=note,
    )
    say(result, as_json=as_json, title="Model published")


@app.command(epilog="Example: merestone model undo --preview")
def undo(
    ctx: typer.Context,
    preview: Annotated[bool, typer.Option("--preview", help="Only show what it would bring back.")] = False,
    keep_later: Annotated[
        bool, typer.Option("--keep-later", help="Let stay what was changed since the publication.")
    ] = False,
    publication: Annotated[
        int | None, typer.Option("--publication", help="Only if this is still the last one (`--preview`).")
    ] = None,
    note: Note = "",
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Take the last publication back: everything stands as before it. Undoing an undo publishes again."""
    from merestone.app import lifecycle

    services = program(ctx).open(data_dir, database)
    actor = program(ctx).actor(as_user)
    if preview:
        found = lifecycle.preview_undo(services, actor)
        found["publication"]["at"] = found["publication"]["at"].isoformat()
        if as_json:
            say(found, as_json=True)
            return
        one = found["publication"]
        say(
            {"publication": one["id"], "model": one["model"], "before": one["previous"], **found["counts"]},
            as_json=False,
            title="Undo would bring back",
        )
        if found["n_changed"]:
            err.print(f"{found['n_changed']:,} records were changed since: --keep-later lets them stay.")
        return
    done = lifecycle.undo(services, actor, publication=publication, keep_later=keep_later, note=note)
    say(done, as_json=as_json, title="Publication undone")


@app.command(epilog="Example: merestone model archive fy27-plan")
def archive(
    ctx: typer.Context,
    key: Key,
    note: Note = "",
    version: Version = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Put a model away that was never published; it stays readable."""
    from merestone.app import lifecycle

    services = program(ctx).open(data_dir, database)
    done = lifecycle.archive(services, program(ctx).actor(as_user), key, note=note, version=version)
    say(done, as_json=as_json, title="Model archived")


@app.command(epilog="Example: merestone model events fy27")
def events(
    ctx: typer.Context,
    key: Key,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Show every step of a model's life: who, when, why, and what the model said then."""
    from merestone.app import lifecycle

    services = program(ctx).open(data_dir, database)
    actor = program(ctx).actor(as_user)
    life = lifecycle.life_of(services, actor, key)
    steps = [{**one, "at": one["at"].isoformat()} for one in lifecycle.events(services, actor, key)]
    can = lifecycle.allowed(life.state)
    if as_json:
        say(
            {"key": key, "state": life.state, "version": life.version, "allowed": can, "events": steps},
            as_json=True,
        )
        return
    out.print(
        f"{key}: {life.state.replace('_', ' ')}, version {life.version}. Allowed: {', '.join(can) or 'nothing'}."
    )
    for one in steps:
        words = (
            f"{one['at'][:19]}  {one['from_state'] or '–'} → {one['to_state']}  {one['actor']}  {one['note']}"
        )
        out.print(f"{words}  {one['content_hash'][:12]}".rstrip(), markup=False)


@app.command(
    epilog="Example: merestone model policies fy27 --set opportunities=late_stage --set late_days=45"
)
def policies(
    ctx: typer.Context,
    key: Key,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE; the value as JSON or as text; empty: back to what is usual."),
    ] = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Show or change what a model does with open work, challenges and approvals."""
    from merestone.app import lifecycle

    services = program(ctx).open(data_dir, database)
    actor = program(ctx).actor(as_user)
    if changes:
        found = lifecycle.set_policies(services, actor, key, dict(_given(one) for one in changes))
    else:
        found = lifecycle.read_policies(services, actor, key)
    say(found, as_json=as_json, title="Policies")


def _given(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise typer.BadParameter(f"'{text}' is not NAME=VALUE.")
    if not value:
        return name, None
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
