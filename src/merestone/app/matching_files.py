"""``match`` on files: no database, no server, and never the whole book in memory.

A file is read in batches, by another process, while the rules are made ready and the batches before are matched; what
is matched is written on. Values are taken as they are: see ``file_cells``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc

from merestone.app import ports
from merestone.app.file_cells import BadValue, CellReader
from merestone.app.file_columns import FileColumns, fields_named, fields_read, match_headers
from merestone.app.file_ids import SeenIds
from merestone.app.file_places import PlaceNames
from merestone.base.errors import InvalidInputError, Problem
from merestone.base.memory import collecting_paused, loading
from merestone.core.criteria.fields import CUSTOM_KINDS, FieldSet, custom_field, standard_fields
from merestone.core.rules.document import read_document
from merestone.core.rules.ruleset import Ruleset, compile_ruleset

if TYPE_CHECKING:
    from merestone.app.rulebook import RuleBook

_BAD_CELL = {
    "number": "bad-number",
    "money": "bad-number",
    "date": "bad-date",
    "instant": "bad-date",
    "boolean": "bad-boolean",
}
_FATAL = frozenset({"ragged-row"})
"""Problems of a file after which nobody can say what its records hold."""


class Records(Protocol):
    """A file's records, read ahead of who asks. ``batches`` may be asked for once."""

    @property
    def headers(self) -> Sequence[str]:
        """The file's columns."""
        ...

    @property
    def n_rows(self) -> int | None:
        """How many records there are; None where only reading on can tell."""
        ...

    @property
    def notes(self) -> list[Problem]:
        """What holds for the whole file."""
        ...

    @property
    def problems(self) -> list[Problem]:
        """Rows and cells that could not be read, when all batches are through."""
        ...

    @property
    def part_read(self) -> float:
        """How much of the file has been read, between 0 and 1."""
        ...

    def batches(self, wanted: Sequence[str], *, as_codes: Collection[str]) -> Iterator[pa.Table]:
        """Yield tables of the wanted columns; text columns among ``as_codes`` come as codes into their words."""
        ...

    def row_number(self, position: int) -> int:
        """Return the file's number of a record, as a spreadsheet shows it."""
        ...

    def close(self) -> None:
        """Stop reading."""
        ...


class Sink(Protocol):
    """A file being written; it gets its name when it is whole."""

    def write(self, rows: pa.Table) -> None:
        """Write the next rows."""
        ...

    def commit(self) -> None:
        """Give the file its name."""
        ...

    def discard(self) -> None:
        """Leave nothing behind, if it was not committed."""
        ...


class Files(ports.Files, Protocol):
    """Files as they are matched."""

    def open_records(self, path: Path) -> Records:
        """Start reading a file's records."""
        ...

    def open_sink(self, path: Path) -> Sink:
        """Start a file of results."""
        ...


class Local(Protocol):
    """What the file commands need; each part is loaded when it is asked for."""

    @property
    def files(self) -> Files:
        """Reader and writer."""
        ...

    @property
    def gazetteer(self) -> ports.Gazetteer:
        """Names of countries and states."""
        ...

    def engine(self, name: str) -> ports.Matcher:
        """Return ``kernel`` or ``duckdb``; UsageError for any other name."""
        ...

    def cluster(self, master: str | None) -> ports.Cluster:
        """Return Spark on a master."""
        ...


def load_rules(local: Local, path: Path) -> Ruleset:
    """Return the rules of a model document, from the file's bytes to what an engine compiles."""
    return compile_ruleset(read_document(local.files.read_document(path)))


class Rules:
    """The rules of a model document, as far as an engine has not made them ready in an earlier run.

    What of the file they read is known at once, from the document's text, so that the file is on its way meanwhile.

    Parameters
    ----------
    data : mapping
        The document's plain data, which may still prove wrong.
    matcher : Matcher
        The engine.
    """

    def __init__(self, data: Mapping[str, Any], matcher: ports.Matcher) -> None:
        self.data, self.matcher = data, matcher
        own = data.get("fields")
        kinds = own.items() if isinstance(own, dict) else ()
        known = standard_fields()
        self.fields = known.with_custom(
            custom_field(name, kind) for name, kind in kinds if name not in known and kind in CUSTOM_KINDS
        )
        territories = data.get("territories")
        rows = territories if isinstance(territories, list) else []
        wheres = (row.get("where") for row in rows if isinstance(row, dict))
        self.needed = fields_named((where for where in wheres if isinstance(where, str)), self.fields)

    @cached_property
    def compiled(self) -> ports.CompiledRules:
        """The rules made ready."""
        text = json.dumps(self.data, ensure_ascii=False, default=str)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        kept = self.matcher.kept(digest)
        if kept is not None:
            return kept
        return self.matcher.compile(compile_ruleset(read_document(self.data)), digest=digest)


def match_on_cluster(
    local: Local,
    *,
    rules: Path,
    records: str,
    out: str,
    all_matches: bool,
    master: str | None,
    progress: ports.Progress | None,
) -> dict[str, Any]:
    """Match with Spark; see ``match.match_files``."""
    cluster = local.cluster(master)
    loaded = load_rules(local, rules)
    return dict(cluster.match(loaded, records=records, out=out, all_matches=all_matches, progress=progress))


def match_opened(
    local: Local,
    source: Records,
    *,
    rules: Path,
    name: str,
    out: str | Path,
    all_matches: bool,
    engine: str,
    strict: bool,
    progress: ports.Progress | None,
) -> dict[str, Any]:
    """Match a file being read, of this name, in this process; see ``match.match_files``."""
    ready = Rules(local.files.read_document(rules), local.engine(engine))
    run = _Run(local, source, ready.needed, ready.fields, lambda: ready.compiled.ruleset, name=name)
    sink = local.files.open_sink(Path(out))
    try:
        done = run.match(ready, sink, all_matches=all_matches, engine=engine, progress=progress)
        run.check(strict=strict)
        sink.commit()
    finally:
        sink.discard()
    return {**done, "out": str(out), "warnings": run.warnings(), "notes": run.notes()}


def read_records(local: Local, book: RuleBook, path: Path) -> pa.Table:
    """Return all records of a file under the names of the rules' fields, ``id`` as text; bad cells are missing."""
    with closing(local.files.open_records(path)) as source:
        rules = book.ruleset
        run = _Run(local, source, fields_read(rules), rules.fields, lambda: rules, name=path.name)
        table = _in_one(run.batches())
        run.check(strict=False)
    ids = table["id"].cast(pa.string())
    return table.set_column(table.column_names.index("id"), "id", ids)


@dataclass
class _Run:
    """One file against one set of rules."""

    local: Local
    source: Records
    needed: Sequence[str]
    fields: FieldSet
    rules: Callable[[], Ruleset]
    name: str
    ids: SeenIds = field(default_factory=SeenIds)
    n_records: int = 0
    n_blank: int = 0

    def __post_init__(self) -> None:
        self.columns: FileColumns = match_headers(
            self.source.headers, self.needed, fields=self.fields, name=self.name
        )
        self.places = PlaceNames(self.rules, lambda: self.local.gazetteer)
        self.cells = CellReader(self.fields, self.columns.header_of, self.places)

    def match(
        self,
        ready: Rules,
        sink: Sink,
        *,
        all_matches: bool,
        engine: str,
        progress: ports.Progress | None,
    ) -> dict[str, Any]:
        """Match every batch and write it; returns the counts."""
        batches = self.batches()  # reading starts, and the rules are made ready meanwhile
        # DuckDB's binding complains of what is left to the end of the program.
        with loading() if engine == "kernel" else collecting_paused():
            compiled = ready.compiled
        assigned = 0
        with _Writing(sink) as writing:
            for batch in [_in_one(batches)] if engine == "duckdb" else batches:
                if all_matches:
                    result = compiled.every_match(batch).drop_columns(["row"])
                    assigned += pc.sum(result["is_winner"]).as_py() or 0
                else:
                    result = compiled.match(batch)
                    assigned += batch.num_rows - result["territory"].null_count
                writing.take(result)
                if progress is not None:
                    progress(self.n_records, self._expected(), "Matching")
        return {"records": self.n_records, "assigned": assigned, "queued": self.n_records - assigned}

    def _expected(self) -> int:
        if self.source.n_rows is not None:
            return self.source.n_rows
        return round(self.n_records / self.source.part_read) if self.source.part_read else 0

    def batches(self) -> Iterator[pa.Table]:
        """Start reading, and yield the records as the rules read them; at least one batch, which may be empty."""
        wanted = list(dict.fromkeys(self.columns.header_of.values()))
        return self._read(self.source.batches(wanted, as_codes=self.cells.as_codes), wanted)

    def _read(self, tables: Iterator[pa.Table], wanted: Sequence[str]) -> Iterator[pa.Table]:
        position = 0
        for table in tables:
            read = self.cells.read(table, start=position)
            position += table.num_rows
            kept = self._without_blank(read)
            self.ids.add(kept["id"])
            self.n_records += kept.num_rows
            if kept.num_rows:
                yield kept
        if not self.n_records:
            nothing = pa.table({header: pa.array([], pa.string()) for header in wanted})
            yield self.cells.read(nothing, start=0)

    def _without_blank(self, table: pa.Table) -> pa.Table:
        """Return the rows that hold an id or a value: sheets saved as text end in rows of nothing but commas."""
        if table["id"].null_count == 0:
            return table
        is_filled = pc.is_valid(table["id"])
        for column in table.columns:
            is_filled = pc.or_(is_filled, pc.is_valid(column))
        n_filled = pc.sum(is_filled).as_py()
        if n_filled == table.num_rows:
            return table
        self.n_blank += table.num_rows - n_filled
        return table.filter(is_filled)

    def check(self, *, strict: bool) -> None:
        """Raise when the file's rows cannot be told apart, or, if ``strict``, when some cells cannot be read."""
        fatal = [problem for problem in self.source.problems if problem.code in _FATAL]
        if fatal:
            raise InvalidInputError(f"'{self.name}' has {len(fatal)} rows that cannot be read.", fatal)
        if strict:
            problems = [*self.source.problems, *map(self._as_problem, self.cells.bad.values())]
            if problems:
                raise InvalidInputError(
                    f"'{self.name}' has cells that cannot be read: {len(problems)} different ones.", problems
                )

    def _as_problem(self, bad: BadValue) -> Problem:
        again = f" It stands in {bad.count:,} rows." if bad.count > 1 else ""
        where = f"row {self.source.row_number(bad.position)}, column {bad.header}"
        return Problem(_code(bad), bad.message + again, "Correct it in the file.", where)

    def warnings(self) -> list[dict[str, Any]]:
        """Return what a person should look at."""
        found = [problem.as_dict() for problem in self.source.problems]
        by_field: dict[str, list[BadValue]] = {}
        for bad in self.cells.bad.values():
            by_field.setdefault(bad.field, []).append(bad)
        found += [self._bad_cells(values) for values in by_field.values()]
        found += [
            _warning(
                "no-column", f"No column of '{self.name}' is '{name}'; it is missing everywhere.", field=name
            )
            for name in self.columns.missing
        ]
        found += [
            _warning(
                "header-guessed", f"The column '{header}' was read as '{name}'.", column=header, field=name
            )
            for name, header in self.columns.guessed.items()
        ]
        return found + self._about_ids()

    def _bad_cells(self, values: list[BadValue]) -> dict[str, Any]:
        first = min(values, key=lambda bad: bad.position)
        count = sum(bad.count for bad in values) + self.cells.uncounted.get(first.field, 0)
        row = self.source.row_number(first.position)
        cells = "1 cell" if count == 1 else f"{count:,} cells"
        message = f"{cells} of '{first.header}' counted as missing, the first in row {row}: {first.message}"
        return _warning(_code(first), message, column=first.header, count=count, row=row, value=first.value)

    def _about_ids(self) -> list[dict[str, Any]]:
        found = []
        n_repeated, example = self.ids.repeated()
        if n_repeated:
            ids = "1 id occurs" if n_repeated == 1 else f"{n_repeated:,} ids occur"
            message = f"{ids} more than once, e.g. '{example}'; every record was matched."
            found.append(_warning("duplicate-ids", message, count=n_repeated, value=example))
        if self.ids.n_missing:
            records = "1 record has" if self.ids.n_missing == 1 else f"{self.ids.n_missing:,} records have"
            found.append(_warning("missing-ids", f"{records} no id.", count=self.ids.n_missing))
        return found

    def notes(self) -> list[str]:
        """Return what may be good to know."""
        said = [problem.message for problem in self.source.notes]
        for name, read_as in self.places.read_as.items():
            if read_as:
                shown = ", ".join(f"'{word}' as {code}" for word, code in list(read_as.items())[:3])
                said.append(f"{len(read_as):,} names in '{name}' were read as codes: {shown}.")
        if self.n_blank:
            said.append(f"{self.n_blank:,} blank rows were left out.")
        return said


class _Writing:
    """Writes one batch while the next is matched; an error of a write is raised by the next take, or at the end."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.worker = ThreadPoolExecutor(1)
        self.last: Future[None] | None = None

    def take(self, rows: pa.Table) -> None:
        """Write these rows when the ones before are written."""
        self._wait()
        self.last = self.worker.submit(self.sink.write, rows)

    def _wait(self) -> None:
        if self.last is not None:
            self.last.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.worker.shutdown()
        if error is None:
            self._wait()


def _in_one(batches: Iterator[pa.Table]) -> pa.Table:
    return pa.concat_tables(batches, promote_options="permissive").unify_dictionaries()


def _code(bad: BadValue) -> str:
    return _BAD_CELL.get(bad.kind, "unsupported-column")


def _warning(code: str, message: str, **more: Any) -> dict[str, Any]:
    return {"code": code, "message": message, **more}
