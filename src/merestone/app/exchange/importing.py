"""Files in: read → map → normalise → resolve → locate → match → write, in one transaction.

Every row ends as accepted, rejected, duplicate or unchanged. All row errors come at once; a re-run changes nothing.
Blank cells leave what is there. Not here: parsing (``connectors.files``), the single steps (the modules beside).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app.assign import place_accounts
from merestone.app.exchange import leads, locating, references
from merestone.app.exchange.defaults import with_defaults
from merestone.app.exchange.differing import split_changes
from merestone.app.exchange.mapped import Mapping as ColumnMapping
from merestone.app.exchange.mapping import guess_mapping, header_key
from merestone.app.exchange.mapping_checks import mapping_problems
from merestone.app.exchange.matching import match_rows
from merestone.app.exchange.normalise import normalise
from merestone.app.exchange.problems import ROW_PROBLEMS, join_problems, problem_table
from merestone.app.exchange.spans import backwards
from merestone.app.policy import Actor, Right
from merestone.app.ports import Progress
from merestone.app.route import place_leads
from merestone.app.services import Services
from merestone.base.errors import ConflictError, InvalidInputError, UsageError
from merestone.core.model.columns import TABLES, Table

STEPS = ("Reading", "Checking", "Placing on the map", "Matching", "Writing", "Assigning")


def quiet(done: int, total: int, message: str) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or would do.

    ``accepted + rejected + duplicates + unchanged == rows``.
    """

    table: str
    rows: int
    accepted: int
    rejected: int
    duplicates: int
    unchanged: int
    inserted: int
    updated: int
    suspected_duplicates: int
    problems: pa.Table  # ROW_PROBLEMS plus is_rejection
    notes: list[dict[str, Any]] = field(default_factory=list)
    mapping: dict[str, Any] = field(default_factory=dict)
    precision: dict[str, int] = field(default_factory=dict)
    dry_run: bool = False
    run_id: int | None = None

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The problems that rejected rows."""
        return self.problems.filter(self.problems["is_rejection"]).drop_columns("is_rejection").to_pylist()

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What was accepted all the same."""
        return (
            self.problems.filter(pc.invert(self.problems["is_rejection"]))
            .drop_columns("is_rejection")
            .to_pylist()
        )

    def shown_mapping(self) -> list[tuple[str, str]]:
        """Return (header, column) pairs for people."""
        return [(header, target or "—") for header, target in self.mapping.get("columns", {}).items()]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {
            "table": self.table,
            "rows": self.rows,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "duplicates": self.duplicates,
            "unchanged": self.unchanged,
            "inserted": self.inserted,
            "updated": self.updated,
            "suspected_duplicates": self.suspected_duplicates,
            "dry_run": self.dry_run,
            "run_id": self.run_id,
            "precision": self.precision,
            "mapping": self.mapping,
            "notes": self.notes,
            "warnings": self.problems.num_rows - len(self.errors),
            "told": self.warnings[:1000],
            "errors": self.errors,
        }


@dataclass(frozen=True)
class Checked:
    """A file read and checked by itself, whatever the database holds."""

    contract: Table
    raw: Any
    mapping: ColumnMapping
    rows: pa.Table
    errors: pa.Table  # ROW_PROBLEMS
    warnings: pa.Table
    notes: list[dict[str, Any]]


@dataclass(frozen=True)
class Prepared:
    """A checked file compared with what is there, ready to be written."""

    checked: Checked
    stamp: tuple[tuple[int, ...], ...]  # of what it was compared with
    contract: Table
    report: ImportReport
    inserts: pa.Table
    updates: pa.Table
    raw: Any
    rejected_rows: pa.Array


def import_file(
    services: Services,
    actor: Actor,
    table: str,
    path: Path,
    *,
    mapping: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    sheet: str | None = None,
    rejected: Path | None = None,
    progress: Progress = quiet,
) -> ImportReport:
    """Import a file at once, or check it (``dry_run``) and write nothing.

    Parameters
    ----------
    table : str
        A name of ``core.model.columns.TABLES``.
    mapping : mapping, optional
        As ``exchange.mapping.Mapping.as_dict``; default: the one saved for these headers, else guessed.
    rejected : Path, optional
        File to write the rejected rows to, with their errors, in the format of its suffix.
    """
    actor.require(Right.IMPORT, everywhere=True)
    prepared = prepare(services, table, path, mapping=mapping, sheet=sheet, progress=progress)
    if dry_run:
        write_rejected(services, prepared, rejected)
        return replace(prepared.report, dry_run=True)
    return write(
        services,
        actor,
        prepared,
        file_name=path.name,
        digest=digest_of(path),
        rejected=rejected,
        progress=progress,
    )


def preview_import(
    services: Services,
    actor: Actor,
    table: str,
    path: Path,
    *,
    file_name: str,
    mapping: Mapping[str, Any] | None = None,
    sheet: str | None = None,
    run_id: int | None = None,
    progress: Progress = quiet,
) -> ImportReport:
    """Check an uploaded file, keep it and what was found as an import run; nothing else is written."""
    actor.require(Right.IMPORT, everywhere=True)
    prepared = prepare(services, table, path, mapping=mapping, sheet=sheet, progress=progress)
    digest = digest_of(path)
    stored = keep_file(services, path, digest, file_name)
    with services.records.transaction(actor, cause=f"preview import of {table}"):
        run = run_fields(prepared.report, file_name, digest, state="previewed", stored_file=stored)
        run_id = services.imports.keep_run(run, prepared.report.problems, actor=actor, run_id=run_id)
    return replace(prepared.report, dry_run=True, run_id=run_id)


def apply_import(
    services: Services, actor: Actor, run_id: int, *, progress: Progress = quiet
) -> dict[str, Any]:
    """Write a previewed import; applying it twice changes nothing more. Returns the report as plain values."""
    actor.require(Right.IMPORT, everywhere=True)
    run = services.imports.run(run_id)
    if run["state"] == "undone":
        raise ConflictError("This import was undone.", fix="Upload the file again.")
    path = stored_path(services, run)
    prepared = prepare(services, run["table"], path, mapping=run["mapping"], progress=progress)
    report = write(
        services,
        actor,
        prepared,
        file_name=run["file_name"],
        digest=run["file_sha256"],
        progress=progress,
        run=run,
    )
    return report.as_dict() | {"errors": report.errors[:100]}


def undo_import(services: Services, actor: Actor, run_id: int) -> dict[str, Any]:
    """Take an applied import back: delete what it made, restore what it changed; refused when others built on it."""
    actor.require(Right.IMPORT, everywhere=True)
    with services.records.transaction(actor, cause=f"undo import {run_id}"):
        services.records.take_turn(services.imports.run(run_id)["table"])
        run = services.imports.run(run_id)
        if run["state"] != "applied":
            raise ConflictError(
                f"Import {run_id} is {run['state']}, not applied.", fix="Only applied imports can be undone."
            )
        result = services.imports.revert(run["table"], run["transaction"])
        if run["table"] == "accounts" and result["restored"]:
            place_accounts(services, ids=result["restored"])
        errors = services.imports.errors(run_id)
        services.imports.keep_run(
            {**run, "state": "undone", "undone_at": services.clock.now()}, errors, actor=actor, run_id=run_id
        )
    return {"deleted": len(result["deleted"]), "restored": len(result["restored"])}


def rejected_rows(services: Services, actor: Actor, run_id: int) -> pa.Table:
    """Return the rejected rows of a run as they stood in the file, with an ``errors`` column."""
    actor.require(Right.IMPORT, everywhere=True)
    run = services.imports.run(run_id)
    raw = services.files.read_table(stored_path(services, run))
    problems = services.imports.errors(run_id)
    return rejected_table(raw, problems)


def prepare(
    services: Services,
    table: str,
    path: Path,
    *,
    mapping: Mapping[str, Any] | None = None,
    sheet: str | None = None,
    progress: Progress = quiet,
) -> Prepared:
    """Do everything short of writing."""
    checked = check(services, table, path, mapping=mapping, sheet=sheet, progress=progress)
    progress(3, len(STEPS), STEPS[3])
    return compare(services, checked)


def check(
    services: Services,
    table: str,
    path: Path,
    *,
    mapping: Mapping[str, Any] | None,
    sheet: str | None,
    progress: Progress,
) -> Checked:
    """Read a file and check what can be told from the file alone."""
    contract = contract_of(table)
    progress(0, len(STEPS), STEPS[0])
    raw = services.files.read_table(path, sheet=sheet)
    chosen = choose_mapping(services, contract, raw, mapping)
    progress(1, len(STEPS), STEPS[1])
    normal = normalise(
        raw, chosen, contract, places=services.gazetteer, custom=services.records.custom_fields(table)
    )
    progress(2, len(STEPS), STEPS[2])
    rows, located = locating.locate(services.gazetteer, contract.name, normal.table)
    return Checked(
        contract,
        raw,
        chosen,
        rows,
        errors=join_problems([raw.problems, normal.errors]),
        warnings=join_problems([normal.warnings, located]),
        notes=[note.as_dict() for note in [*raw.notes, *normal.notes]],
    )


def compare(services: Services, checked: Checked) -> Prepared:
    """Find out which rows are new, changed or as they were."""
    contract, raw = checked.contract, checked.raw
    table = contract.name
    stamp = services.records.stamp(references.tables_of(contract))  # before anything is read
    existing = services.records.snapshot(table)
    rows, unresolved, unlinked = references.resolve(services.records, contract, checked.rows)
    rows, homeless = leads.possible_owners(services, contract, rows)
    matched = match_rows(rows, existing, table=table)
    untimely, odd = backwards(contract, rows, existing, matched["match_id"])
    wrong = join_problems([checked.errors, unresolved, untimely])
    wrong = join_problems([wrong, orphaned(matched, pc.unique(wrong["row"]))])
    problems = flagged(wrong, is_rejection=True)
    warnings = flagged(
        join_problems([checked.warnings, unlinked, homeless, odd, suspected(rows, matched)]),
        is_rejection=False,
    )
    bad = pc.unique(problems["row"])
    good = pc.invert(pc.is_in(rows["row"], value_set=bad))
    is_duplicate = pc.and_(good, pc.is_valid(matched["duplicate_of_row"]))
    loadable = pc.and_(good, pc.invert(is_duplicate))
    changes = split_changes(rows.filter(loadable), existing, matched["match_id"].filter(loadable))
    n_rows = raw.table.num_rows
    n_duplicates = pc.sum(is_duplicate).as_py() or 0
    n_accepted = changes.inserts.num_rows + changes.updates.num_rows
    report = ImportReport(
        table=table,
        rows=n_rows,
        accepted=n_accepted,
        rejected=n_rows - n_accepted - n_duplicates - changes.n_unchanged,
        duplicates=n_duplicates,
        unchanged=changes.n_unchanged,
        inserted=changes.inserts.num_rows,
        updated=changes.updates.num_rows,
        suspected_duplicates=warnings.filter(pc.equal(warnings["code"], "possible-duplicate")).num_rows,
        problems=pa.concat_tables([problems, warnings]).sort_by("row"),
        notes=checked.notes,
        mapping=checked.mapping.as_dict(),
        precision=locating.counts(rows.filter(loadable)),
    )
    inserts = with_defaults(
        table, changes.inserts, now=services.clock.now(), currency=services.clock.currency()
    )
    return Prepared(checked, stamp, contract, report, inserts, changes.updates, raw, bad)


def contract_of(table: str) -> Table:
    """Return a table's contract; UsageError names the known ones."""
    if table not in TABLES:
        raise UsageError(
            f"'{table}' is not a table.", code="unknown-table", fix=f"Use one of {', '.join(TABLES)}."
        )
    return TABLES[table]


def choose_mapping(
    services: Services, contract: Table, raw: Any, given: Mapping[str, Any] | None
) -> ColumnMapping:
    """Return the mapping given, else the one saved for these headers, else a guess; InvalidInputError when unusable."""
    headers = raw.table.column_names
    custom = services.records.custom_fields(contract.name)
    chosen = given or services.imports.saved_mapping(contract.name, header_key(headers))
    if chosen is None:
        mapping = guess_mapping(headers, contract, custom=custom, samples=raw.table)
    else:
        mapping = ColumnMapping.from_dict(chosen).for_headers(headers)
    problems = mapping_problems(mapping, headers, contract, custom=custom)
    if problems:
        raise InvalidInputError(
            "The columns of this file cannot be imported as mapped.", problems, code="bad-mapping"
        )
    return mapping


def flagged(problems: pa.Table, *, is_rejection: bool) -> pa.Table:
    """Return the problems with the column ``is_rejection``."""
    return problems.append_column("is_rejection", pa.array([is_rejection] * problems.num_rows, pa.bool_()))


def orphaned(matched: pa.Table, bad: pa.Array) -> pa.Table:
    """Return a problem for each row that is the same record as a rejected row: neither may get lost."""
    lost = matched.filter(pc.is_in(matched["duplicate_of_row"], value_set=bad))
    return problem_table(
        {
            "row": row["row"],
            "column": "",
            "code": "duplicate-of-rejected",
            "value": "",
            "message": f"Is the same record as row {row['duplicate_of_row']}, which was rejected.",
            "fix": "Correct that row, or remove one of the two.",
        }
        for row in lost.to_pylist()
        if row["duplicate_of_row"] is not None
    )


def suspected(rows: pa.Table, matched: pa.Table) -> pa.Table:
    """Return a warning for each row that looks like another record and is kept apart all the same."""
    found = pa.table({"row": rows["row"], "like": matched["ambiguous"]})
    found = found.filter(pc.greater(pc.fill_null(pc.list_value_length(found["like"]), 0), 0))
    return problem_table(
        {
            "row": row["row"],
            "column": "",
            "code": "possible-duplicate",
            "value": "",
            "message": f"Looks like {', '.join(row['like'][:3])}, but is kept apart.",
            "fix": "Give both the same id to merge them, or ignore this.",
        }
        for row in found.to_pylist()
    ).cast(ROW_PROBLEMS)


def write(
    services: Services,
    actor: Actor,
    prepared: Prepared,
    *,
    file_name: str,
    digest: str,
    progress: Progress,
    run: Mapping[str, Any] | None = None,
    rejected: Path | None = None,
) -> ImportReport:
    """Write a prepared import in one transaction, with the places of what is new or changed.

    When somebody else wrote meanwhile (the same file in another process, for one), the rows are compared anew.
    """
    table = prepared.contract.name
    with services.records.transaction(actor, cause=f"import {file_name}") as transaction:
        services.records.take_turn(table)
        run = (
            None if run is None else services.imports.run(run["id"])
        )  # somebody may have applied it meanwhile
        if run is not None and run["state"] == "applied":
            return as_applied(prepared.report, run)
        if services.records.stamp(references.tables_of(prepared.contract)) != prepared.stamp:
            prepared = compare(services, prepared.checked)
        report = prepared.report
        write_rejected(services, prepared, rejected)
        progress(4, len(STEPS), STEPS[4])
        at = services.clock.now()
        new = written(services, prepared.contract, prepared.inserts, at=at)
        changed = written(services, prepared.contract, prepared.updates, at=at)
        progress(5, len(STEPS), STEPS[5])
        if table == "accounts" and (new or changed):
            place_accounts(services, ids=[*new, *changed], at=at)
        if table == "leads" and new:
            place_leads(services, ids=new, at=at)
        kept = run_fields(
            report, file_name, digest, state="applied", stored_file=(run or {}).get("stored_file", "")
        )
        kept |= {"transaction": transaction, "applied_at": at}
        run_id = services.imports.keep_run(kept, report.problems, actor=actor, run_id=(run or {}).get("id"))
        headers = prepared.raw.table.column_names
        services.imports.keep_mapping(table, file_name, header_key(headers), report.mapping)
    progress(len(STEPS), len(STEPS), "Done")
    return replace(report, run_id=run_id)


def as_applied(report: ImportReport, run: Mapping[str, Any]) -> ImportReport:
    """Return the report with the counts of when the run was applied."""
    return replace(
        report,
        run_id=run["id"],
        rows=run["n_rows"],
        accepted=run["n_accepted"],
        rejected=run["n_rejected"],
        duplicates=run["n_duplicates"],
        unchanged=run["n_unchanged"],
    )


def written(services: Services, contract: Table, rows: pa.Table, *, at: datetime) -> list[int]:
    """Write rows with references into the same file, and the owners of leads, last; returns their ids."""
    if not rows.num_rows:
        return []
    plain = leads.without_owners(contract, references.without_later(rows))
    ids = services.records.write(contract.name, plain)["id"].to_pylist()
    leads.give_owners(services, contract, rows, ids=ids, at=at)
    later = references.later_rows(services.records, contract, rows, ids)
    if later.num_rows:
        services.records.write(contract.name, later)
    return ids


def run_fields(
    report: ImportReport, file_name: str, digest: str, *, state: str, stored_file: str
) -> dict[str, Any]:
    """Return an import run's fields."""
    return {
        "table": report.table,
        "file_name": file_name,
        "file_sha256": digest,
        "mapping": report.mapping,
        "state": state,
        "n_rows": report.rows,
        "n_accepted": report.accepted,
        "n_rejected": report.rejected,
        "n_duplicates": report.duplicates,
        "n_unchanged": report.unchanged,
        "notes": report.notes,
        "stored_file": stored_file,
    }


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keep_file(services: Services, path: Path, digest: str, file_name: str) -> str:
    """Copy an upload into the data folder under its digest; returns the name there."""
    folder = services.data_dir / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    name = digest + "".join(Path(file_name).suffixes[-1:])[:10]
    target = folder / name
    if target != path and not target.exists():
        part = folder / f"{name}.part"
        shutil.copyfile(path, part)
        part.rename(target)
    return name


def stored_path(services: Services, run: Mapping[str, Any]) -> Path:
    """Return where a run's file is kept."""
    path = services.data_dir / "uploads" / Path(run["stored_file"] or "missing").name
    if not path.is_file():
        raise ConflictError("The uploaded file is no longer kept.", fix="Upload it again.")
    return path


def rejected_table(raw: Any, problems: pa.Table) -> pa.Table:
    """Return the rejected rows as they stood, with what is wrong in a last column."""
    wrong: dict[int, list[str]] = {}
    for problem in problems.filter(problems["is_rejection"]).to_pylist():
        place = f"{problem['column']}: " if problem["column"] else ""
        wrong.setdefault(problem["row"], []).append(
            f"{place}{problem['message']} {problem['fix'] or ''}".strip()
        )
    rows = pa.array(list(wrong), pa.int64())
    kept = pc.is_in(raw.row_numbers, value_set=rows)
    numbers = raw.row_numbers.filter(kept).to_pylist()
    return raw.table.filter(kept).append_column(
        "errors", pa.array([" | ".join(wrong[row]) for row in numbers], pa.string())
    )


def write_rejected(services: Services, prepared: Prepared, target: Path | None) -> None:
    """Write the rejected rows, if any, to a file that can be corrected and imported again."""
    if target is None or not len(prepared.rejected_rows):
        return
    table = rejected_table(prepared.raw, prepared.report.problems)
    services.files.write_table(table, target, fmt=target.suffix.lstrip(".").lower() or "csv")
