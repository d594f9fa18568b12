"""merestone analyse."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from merestone.cli.commands.rules import Rules
from merestone.cli.context import Json, program
from merestone.cli.matching import told
from merestone.cli.screen import err, out, say

# Use cases are imported where they run: `merestone --help` must not wait for them.
app = typer.Typer()


@app.command(epilog="Example: merestone analyse --rules us.yaml --records accounts.csv")
def analyse(
    ctx: typer.Context,
    rules: Rules,
    records: Annotated[
        Path | None,
        typer.Option(
            "--records",
            help="Accounts, to look at the book too: CSV, Excel or Parquet.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    fail_on: Annotated[
        str, typer.Option("--fail-on", help="Least severity that fails: error, warning or note.")
    ] = "warning",
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="Write the certificate there, as JSON.")
    ] = None,
    verify: Annotated[
        Path | None,
        typer.Option(
            "--verify", help="A certificate to check against the document.", exists=True, dir_okay=False
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every finding, not the first of each kind.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Prove that a model has no gap and no overlap; exit code 1 when it has. Needs no database."""
    from merestone.app import analyse as analysing

    kept = _certificate(verify) if verify else None
    with told(as_json=as_json) as progress:
        found = analysing.analyse_files(
            program(ctx).local(),
            rules=rules,
            records=records,
            day=datetime.now(UTC).date(),
            fail_on=fail_on,
            progress=progress,
        )
    data = found.as_dict()
    if kept is not None:
        data["verified"] = analysing.is_about(found, kept)
    if as_json:
        say(data, as_json=True)
    else:
        for line in analysing.say_analysis(found, most=None if everything else analysing.MOST_SHOWN):
            out.print(line, markup=False, soft_wrap=True)
    if kept is not None and not data["verified"]:
        err.print("The certificate is about another content of the model, or another model.", markup=False)
    if certificate is not None and found.certificate is not None:
        certificate.write_text(json.dumps(found.certificate, indent=2) + "\n", encoding="utf-8")
    if not found.passes or data.get("verified") is False:
        raise typer.Exit(1)


def _certificate(path: Path) -> Any:
    """Return the content of a certificate's file, or None when it is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
