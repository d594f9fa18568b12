"""merestone demo · init · migrate · serve · worker · doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from merestone.cli.context import Database, DataDir, Json, program
from merestone.cli.screen import bar, out, say

app = typer.Typer()

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)]


@app.command(epilog="Example: merestone demo --no-serve --json --data-dir demo")
def demo(
    ctx: typer.Context,
    data_dir: DataDir = None,
    database: Database = None,
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="Stop before serving and print the summary.")
    ] = False,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    seed: Annotated[int, typer.Option(help="Seed of the generator.")] = 2026,
    as_json: Json = False,
) -> None:
    """Create a database with the demo company, assign and measure it, and serve it."""
    services = program(ctx).open(data_dir, database)
    with bar() as progress:
        task = progress.add_task("Building the demo company", total=None)
        summary = program(ctx).demo(
            services,
            seed=seed,
            progress=lambda done, total, text: progress.update(
                task, completed=done, total=total, description=text
            ),
        )
    say(summary, as_json=as_json, title="The demo company")
    if not no_serve:
        program(ctx).serve(host=host, port=port, workers=1, sign_ins=True)


@app.command(epilog="Example: merestone init --data-dir my-company")
def init(
    ctx: typer.Context, data_dir: DataDir = None, database: Database = None, as_json: Json = False
) -> None:
    """Create an empty database."""
    services = program(ctx).open(data_dir, database)
    say({"data_dir": str(services.data_dir), "ready": True}, as_json=as_json)


@app.command(epilog="Example: merestone migrate --database postgresql://merestone@localhost/merestone")
def migrate(ctx: typer.Context, data_dir: DataDir = None, database: Database = None) -> None:
    """Bring a database's schema up to date."""
    program(ctx).open(data_dir, database, migrate=True)
    out.print("The schema is up to date.")


@app.command(epilog="Example: merestone serve --port 8080 --data-dir my-company")
def serve(
    ctx: typer.Context,
    data_dir: DataDir = None,
    database: Database = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(help="Server processes.", min=1)] = 1,
) -> None:
    """Serve the web pages and the API."""
    program(ctx).open(data_dir, database)
    program(ctx).serve(host=host, port=port, workers=workers, sign_ins=False)


@app.command(epilog="Example: merestone worker --once")
def worker(
    ctx: typer.Context,
    data_dir: DataDir = None,
    database: Database = None,
    once: Annotated[bool, typer.Option("--once", help="Stop when no job is left.")] = False,
) -> None:
    """Run queued jobs (the server runs one worker of its own)."""
    program(ctx).open(data_dir, database)
    n_jobs = program(ctx).work(once=once)
    out.print(f"{n_jobs} jobs done.")


@app.command(epilog="Example: merestone doctor --json")
def doctor(
    ctx: typer.Context, data_dir: DataDir = None, database: Database = None, as_json: Json = False
) -> None:
    """Check the installation: database, assets, libraries."""
    program(ctx).open(data_dir, database, migrate=False)
    checks = program(ctx).doctor()
    if as_json:
        say({name: {"ok": is_fine, "detail": detail} for name, is_fine, detail in checks}, as_json=True)
    else:
        for name, is_fine, detail in checks:
            out.print(f"{'ok  ' if is_fine else 'FAIL'}  {name}: {detail}")
    if not all(is_fine for _, is_fine, _ in checks):
        raise typer.Exit(1)
