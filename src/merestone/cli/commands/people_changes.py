"""merestone rep leave · cover · ramp · depart · departures · undo · changes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from merestone.base.errors import NotFoundError
from merestone.cli.context import AsUser, Database, DataDir, Json, program
from merestone.cli.screen import err, say

if TYPE_CHECKING:
    from merestone.app.services import Services

app = typer.Typer(help="People come, go and are away.", no_args_is_help=True)
Rep = Annotated[str, typer.Argument(help="E-mail (or external id, or name) of the rep.")]
DAY = ["%Y-%m-%d"]
FirstDay = Annotated[datetime, typer.Option("--from", formats=DAY, help="First day.")]


def rep_id(services: Services, text: str) -> int:
    """Return the rep a text names."""
    rows = services.models.reps()
    known = dict(zip(rows["label"].to_pylist(), rows["rep_id"].to_pylist(), strict=True))
    if text.strip().lower() not in known:
        raise NotFoundError(f"There is no rep '{text[:100]}'.")
    return int(known[text.strip().lower()])


@app.command(
    "leave",
    epilog="Example: merestone rep leave ana@example.com --from 2026-07-01 --to 2026-07-14 --cover ben@example.com",
)
def leave(
    ctx: typer.Context,
    rep: Rep,
    first_day: FirstDay,
    last_day: Annotated[datetime, typer.Option("--to", formats=DAY, help="Last day away.")],
    from_noon: Annotated[
        bool, typer.Option("--from-noon", help="The morning of the first day is worked.")
    ] = False,
    to_noon: Annotated[
        bool, typer.Option("--to-noon", help="The afternoon of the last day is worked.")
    ] = False,
    cover: Annotated[str | None, typer.Option(help="Who stands in meanwhile.")] = None,
    reason: Annotated[str, typer.Option(help="Why; for those who manage the rep.")] = "",
    merge: Annotated[
        bool, typer.Option("--merge", help="Make one leave of this and what it touches.")
    ] = False,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Enter leave: out of rotation, still owner."""
    from merestone.app import people_changes

    services = program(ctx).open(data_dir, database)
    done = people_changes.enter_leave(
        services,
        program(ctx).actor(as_user),
        rep_id(services, rep),
        first_day=first_day.date(),
        last_day=last_day.date(),
        starts_at_noon=from_noon,
        ends_at_noon=to_noon,
        cover=None if cover is None else rep_id(services, cover),
        reason=reason,
        merge=merge,
    )
    say(done, as_json=as_json, title="Leave entered")


@app.command(
    "cover", epilog="Example: merestone rep cover ana@example.com --by ben@example.com --from 2026-07-01"
)
def cover(
    ctx: typer.Context,
    rep: Rep,
    by: Annotated[str, typer.Option(help="Who stands in.")],
    first_day: FirstDay,
    last_day: Annotated[
        datetime | None, typer.Option("--to", formats=DAY, help="Last day; default: until ended.")
    ] = None,
    account: Annotated[list[int] | None, typer.Option(help="Only this account (key); repeat.")] = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Have somebody stand in for a rep."""
    from merestone.app import people_changes

    services = program(ctx).open(data_dir, database)
    done = people_changes.start_cover(
        services,
        program(ctx).actor(as_user),
        rep_id(services, rep),
        cover=rep_id(services, by),
        first_day=first_day.date(),
        last_day=last_day.date() if last_day else None,
        accounts=account or (),
        reason=reason,
    )
    say(done, as_json=as_json, title="Cover entered")


@app.command("ramp", epilog="Example: merestone rep ramp nia@example.com --hired 2026-07-01 --weeks 12")
def ramp(
    ctx: typer.Context,
    rep: Rep,
    hired: Annotated[datetime | None, typer.Option(formats=DAY, help="Day of hire.")] = None,
    weeks: Annotated[int | None, typer.Option(help="Weeks until full load; default: at once.")] = None,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Say when a rep joined and how long the way to full load takes."""
    from merestone.app import people_changes

    services = program(ctx).open(data_dir, database)
    done = people_changes.set_ramp(
        services,
        program(ctx).actor(as_user),
        rep_id(services, rep),
        hired_on=hired.date() if hired else None,
        ramp_weeks=weeks,
    )
    say(done, as_json=as_json, title="Ramp set")


@app.command(
    "depart", epilog="Example: merestone rep depart ana@example.com --last-day 2026-06-30 --out plan.csv"
)
def depart(
    ctx: typer.Context,
    rep: Rep,
    last_day: Annotated[datetime, typer.Option("--last-day", formats=DAY, help="The last day of work.")],
    note: Annotated[str, typer.Option(help="Why.")] = "",
    deactivate: Annotated[
        bool, typer.Option("--deactivate", help="End the user's sign-in with that day.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write the plan to this file (CSV, Excel, Parquet).")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Apply the plan, or schedule it for the end of the last day.")
    ] = False,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Plan a departure: who takes over what, and with --apply carry it out."""
    from merestone.app import people_changes

    services = program(ctx).open(data_dir, database)
    actor = program(ctx).actor(as_user)
    made = people_changes.plan_departure(
        services, actor, rep_id(services, rep), last_day=last_day.date(), note=note, deactivates=deactivate
    )
    plan = people_changes.show(services, actor, made)
    if out is not None:
        services.files.write_table(
            people_changes.plan_table(plan), out, fmt=out.suffix.lstrip(".").lower() or "csv"
        )
    told: dict[str, Any] = {
        "departure": made,
        "state": plan.row.state,
        **dict(plan.counts),
        "queued": plan.queued,
        "successors": {
            one.name: {"accounts": one.accounts, "before": one.before, "after": one.after}
            for one in plan.balances
        },
    }
    if apply:
        done = people_changes.confirm(
            services, actor, made, fingerprint=plan.row.fingerprint, version=plan.row.version
        )
        told |= {"state": done["state"]}
    say(told, as_json=as_json, title="Departure")
    if not apply and not as_json:
        err.print("Nothing changed hands yet: look at the plan, then run it again with --apply.")


@app.command("undo", epilog="Example: merestone rep undo ana@example.com")
def undo(
    ctx: typer.Context,
    rep: Rep,
    as_user: AsUser = None,
    data_dir: DataDir = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Take back a departure that is planned or scheduled."""
    from merestone.app import people_changes

    services = program(ctx).open(data_dir, database)
    known = services.people_changes.departures(rep_ids=[rep_id(services, rep)], states=("draft", "scheduled"))
    if not known:
        raise NotFoundError(f"No departure of '{rep[:100]}' is planned.")
    say(
        people_changes.undo(services, program(ctx).actor(as_user), known[0].id),
        as_json=as_json,
        title="Taken back",
    )
