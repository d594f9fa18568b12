"""Benchmark of publishing: ``python benchmarks/publish.py [--quick] [--json FILE] [--database sqlite postgresql]``.

Every account of a book changes its owner and its territory at once, with history, reasons and audit, next to the bare SQL of the same
change: one transaction that closes the open associations and inserts the new ones from a table that lies ready, in a table with
the same indexes and keys, without audit. Both in the same process, in turns. ``README.md`` says more.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness import REPEATS, Row, answer, as_json, compare, limit, machine, median, run_child, table, timed

HERE = Path(__file__).resolve()
PACKAGES = ("merestone", "django", "psycopg", "pysqlite3", "pyarrow", "numba")
STATES = re.findall("..", "CATXNYFLILPAOHGANCMINJVAWAAZMATNINMOMDWICOMNSCALLAKYOROKCTUT")
BANDS = ((0, 20), (20, 50), (50, 100), (100, 250), (250, 500), (500, 1000), (1000, 2500), (2500, 100_000))
PLACE, BARE, READY = "merestone_accountassociation", "bench_association", "bench_ready"
COPIED = "territory_id, owner_id, model_id, is_primary, cause, reason, valid_from, account_id"


# --- the piece: runs in a child, on one database ----------------------------------------------------------------------


def _document(key: str, shift: int, reps: Sequence[str]) -> dict[str, Any]:
    """Return a model of states × sizes; ``shift`` turns every account over to another territory and another owner."""
    territories = [
        {
            "key": f"t{shift % 2}-{state.lower()}-{low}",
            "name": f"{state} from {low}",
            "type": "geo",
            "where": f"country = 'US' and state = '{state}' and employees >= {low} and employees < {high}",
            "members": [{"rep": reps[(place * len(BANDS) + number + shift) % len(reps)]}],
        }
        for place, state in enumerate(STATES)
        for number, (low, high) in enumerate(BANDS)
    ]
    types = [{"key": "geo", "name": "Geography", "primary": True}]
    return {"merestone": 1, "model": {"key": key, "name": key}, "types": types, "territories": territories}


def _fill(services: Any, operator: Any, n_accounts: int) -> list[str]:
    import pyarrow as pa

    reps = [f"rep{number}@example.com" for number in range(120)]
    accounts = pa.table(
        {
            "external_id": [f"A{number}" for number in range(n_accounts)],
            "name": [f"Account {number}" for number in range(n_accounts)],
            "country": ["US"] * n_accounts,
            "state": [STATES[number % len(STATES)] for number in range(n_accounts)],
            "employees": pa.array([(number * 37) % 4000 for number in range(n_accounts)], pa.int32()),
        }
    )
    with services.records.transaction(operator, cause="benchmark"):
        services.records.write("reps", pa.table({"name": reps, "email": reps}))
        services.records.write("accounts", accounts)
    return reps


def publish(*, accounts: int, repeats: int) -> dict[str, Any]:
    """Publish models in turns with the bare SQL of the same change."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merestone.boot.settings")
    import django

    django.setup()
    from merestone.app import plans
    from merestone.app.lifecycle.publishing import publish as publish_model
    from merestone.app.policy import OPERATOR
    from merestone.boot.schema import bring_up_to_date
    from merestone.boot.services import services as made

    bring_up_to_date()
    services = made()
    reps = _fill(services, OPERATOR, accounts)
    ours, bare, changed = [], [], []
    for turn in range(repeats + 2):  # the first places everything, the second warms up
        key = f"m{turn}"
        plans.apply_document(services, OPERATOR, _document(key, turn, reps))
        if turn:
            _make_ready()
        found: dict[str, Any] = {}
        ours.append(timed(lambda key=key, found=found: found.update(publish_model(services, OPERATOR, key))))
        changed.append(found["changed"])
        if turn:
            _keep_new(key)
            bare.append(timed(_bare))
    return {
        "ours": median(ours[2:]),
        "peer": median(bare[1:]),
        "all": [ours, bare],
        "changed": changed[2:],
        "entries": _entries(),
    }


def _run(*statements: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _make_ready() -> None:
    """Copy the associations, with their indexes and keys, as they are before the publish."""
    from django.db import connection

    _run(f"DROP TABLE IF EXISTS {BARE}", f"DROP TABLE IF EXISTS {READY}")
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sql FROM sqlite_master WHERE tbl_name = %s AND sql IS NOT NULL AND type IN ('table', 'index') ORDER BY type DESC",
                [PLACE],
            )
            made = [sql for (sql,) in cursor.fetchall()]
        for number, sql in enumerate(made):
            renamed = sql.replace(f'"{PLACE}"', f'"{BARE}"')
            words = renamed.split('"')
            if number:
                words[1] = f"bench_{words[1]}"
            _run('"'.join(words))
    else:
        _run(f"CREATE TABLE {BARE} (LIKE {PLACE} INCLUDING ALL)")
        for column, other in (
            ("account_id", "account"),
            ("owner_id", "rep"),
            ("model_id", "territorymodel"),
            ("territory_id", "territory"),
        ):
            _run(
                f"ALTER TABLE {BARE} ADD FOREIGN KEY ({column}) REFERENCES merestone_{other} (id) DEFERRABLE INITIALLY DEFERRED"
            )
    _run(f"INSERT INTO {BARE} SELECT * FROM {PLACE}")
    if connection.vendor == "postgresql":
        _run(f"SELECT setval(pg_get_serial_sequence('{BARE}', 'id'), (SELECT max(id) FROM {BARE}))")


def _keep_new(key: str) -> None:
    """Lay ready what the publish has opened."""
    _run(
        f"CREATE TABLE {READY} AS SELECT {COPIED} FROM {PLACE} WHERE valid_to IS NULL AND model_id = (SELECT id FROM merestone_territorymodel WHERE key = '{key}')"
    )


def _bare() -> None:
    """The same change, and nothing else."""
    from django.db import transaction

    at = f"(SELECT max(valid_from) FROM {READY})"
    with transaction.atomic():
        _run(
            f"UPDATE {BARE} SET valid_to = {at} WHERE valid_to IS NULL AND account_id IN (SELECT account_id FROM {READY})",
            f"INSERT INTO {BARE} ({COPIED}) SELECT {COPIED} FROM {READY}",
        )


def _entries() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM merestone_auditentry")
        return int(cursor.fetchone()[0])


PIECES: dict[str, Callable[..., dict[str, Any]]] = {"publish": publish}


# --- the table --------------------------------------------------------------------------------------------------------


def measured(database: str, *, accounts: int, repeats: int) -> dict[str, Any]:
    """Return what a child measures on a database of its own."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        os.environ["MERESTONE_DATA_DIR"] = folder
        if database == "postgresql":
            sys.path.insert(0, str(HERE.parent.parent / "scripts"))
            import postgres_server

            os.environ["MERESTONE_DATABASE"] = os.environ.get(
                "MERESTONE_TEST_POSTGRES_URL"
            ) or stack.enter_context(postgres_server.private_server())
        else:
            os.environ.pop("MERESTONE_DATABASE", None)
        return run_child(HERE, "publish", {"accounts": accounts, "repeats": repeats})


def rows(databases: Sequence[str], *, is_quick: bool, pieces: dict[str, Any]) -> Iterator[Row]:
    """Yield the lines of the table."""
    n = 1_000 if is_quick else 100_000
    for database in databases:
        found = pieces[database] = measured(database, accounts=n, repeats=2 if is_quick else REPEATS)
        what = f"publish of {n:,} accounts, all of which move"
        note = f"{min(found['changed']):,} associations opened each time"
        yield compare(f"{what} ÷ the bare SQL, {database}", found["ours"], found["peer"], most=6, note=note)
        yield limit(f"{what}, {database}", found["ours"], most=10)


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="toy size, to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured here")
    parser.add_argument(
        "--database", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"]
    )
    parser.add_argument("--piece", choices=sorted(PIECES), help=argparse.SUPPRESS)
    parser.add_argument("--arguments", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.piece:
        answer(PIECES[options.piece](**options.arguments))
        return
    told, pieces = machine(PACKAGES), {}
    print(json.dumps(told, ensure_ascii=False))
    found = list(rows(options.database, is_quick=options.quick, pieces=pieces))
    print(table(found))
    if options.json:
        options.json.write_text(as_json(told, found, pieces))


if __name__ == "__main__":
    main()
