"""merestone handout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from merestone.cli.context import AsUser, Database, DataDir, Json, program
from merestone.cli.screen import say

# Use cases are imported where they run: `merestone --help` must not wait for them.
app = typer.Typer()


@app.command(
    epilog="Example: merestone handout spring --territory ohio --out ohio.pdf --data-dir var",
)
def handout(
    ctx: typer.Context,
    scenario: Annotated[str, typer.Argument(help="Key of the scenario.")],
    out_file: Annotated[
        Path, typer.Option("--out", help="Target: .pdf, .xlsx, or .zip for files of each territory.")
    ],
    territory: Annotated[
        str | None, typer.Option("--territory", help="Of this territory only, by its key.")
    ] = None,
    manager: Annotated[
        int | None, typer.Option("--manager", help="Of the territories of this rep only, by their number.")
    ] = None,
    paper: Annotated[str, typer.Option("--paper", help="letter or a4; for PDF.")] = "letter",
    data_dir: DataDir = None,
    database: Database = None,
    as_user: AsUser = None,
    as_json: Json = False,
) -> None:
    """Write what a scenario means for its territories, as PDF or Excel."""
    from io import BytesIO

    from merestone.app import handouts

    services = program(ctx).open(data_dir, database)
    fmt = out_file.suffix.lstrip(".").lower()
    found = handouts.make(
        services, program(ctx).actor(as_user), scenario, territory=territory, manager=manager
    )
    written = BytesIO()
    if fmt == "zip":
        handouts.write_each(services, found, written, paper=paper)
    else:
        handouts.write(services, found, written, fmt=fmt, paper=paper)
    out_file.write_bytes(written.getvalue())
    done = {
        "out": str(out_file),
        "scenario": found.key,
        "territories": len(found.sheets),
        "accounts": found.accounts.num_rows,
        "bytes": len(written.getvalue()),
    }
    say(done, as_json=as_json, title="Hand-out written")
