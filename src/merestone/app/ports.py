"""What the use cases need from outside, coarse and columnar: whole tables in, differences out.

Tables are Arrow and obey ``core.model.columns``, plus ``id`` (int64, the database key), ``version`` (int32) and one
column per custom field. References (``account``, ``owner`` …) come as the referred table's ``id`` in ``<name>_id``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from merestone.app.policy import Actor, Held, Right
from merestone.core.model.territory import TerritoryModelDocument
from merestone.core.rules.ruleset import Ruleset

Progress = Callable[[int, int, str], None]
"""Called with (done, total, message)."""


@runtime_checkable
class Watch(Protocol):
    """Progress of work that can be asked to end, and has more to tell than a share."""

    def __call__(self, done: int, total: int, message: str) -> None:
        """Tell how far it is."""
        ...

    def tell(self, details: Mapping[str, Any]) -> None:
        """Tell what else it has reached, as JSON values."""
        ...

    def on_cancel(self, call: Callable[[], None]) -> None:
        """Have this called, in another thread, within a second of somebody asking the work to end."""
        ...

    @property
    def job(self) -> int:
        """The job's id."""
        ...


class Clock(Protocol):
    """Tells the time and the money the company works in, so that tests can."""

    def zone(self) -> str:
        """Return the company's IANA time zone."""
        ...

    def currency(self) -> str:
        """Return the company's ISO 4217 currency."""
        ...

    def now(self) -> datetime:
        """Return the present instant, UTC."""
        ...

    def today(self) -> date:
        """Return the present day in the company's zone."""
        ...


class Records(Protocol):
    """Reads and writes the CRM tables in columns."""

    def transaction(self, actor: Actor, *, cause: str) -> AbstractContextManager[str]:
        """Open the one transaction of a use case; yields the audit transaction id. Not re-entrant."""
        ...

    def take_turn(self, table: str) -> None:
        """Wait until nobody else decides about this table; the turn ends with the transaction.

        Whoever decides from what is there (whose lead, whose account, which rows are new) takes the turn, then reads.
        Who needs several takes them in the order of ``core.model.columns.TABLES``, and before writing anything.
        """
        ...

    def stamp(self, tables: Iterable[str]) -> tuple[tuple[int, ...], ...]:
        """Return numbers that differ whenever a row of these tables was written or removed meanwhile."""
        ...

    def snapshot(
        self, table: str, *, columns: Sequence[str] | None = None, ids: Iterable[int] | None = None
    ) -> pa.Table:
        """Return the table (or only ``ids``) as Arrow, ordered by id."""
        ...

    def write(self, table: str, rows: pa.Table) -> pa.Table:
        """Insert rows without ``id``, update rows with one; returns ``id`` per input row, in order.

        Only columns present are written; ``version`` rises by one on updates. A ``custom`` column is not given: custom
        fields come as columns named ``custom.<key>``.
        """
        ...

    def delete(self, table: str, ids: Iterable[int]) -> int:
        """Delete rows; returns how many."""
        ...

    def custom_fields(self, table: str) -> Mapping[str, str]:
        """Return custom field key -> kind."""
        ...

    def declare_field(
        self, table: str, key: str, *, kind: str, label: str, choices: Sequence[str], is_indexed: bool
    ) -> None:
        """Create a custom field, or change its label, choices and index; ConflictError for another kind."""
        ...


class Book(Protocol):
    """All accounts as rules see them, kept encoded between calls and processes."""

    def accounts(self, *, columns: Sequence[str] | None = None) -> pa.Table:
        """Return all accounts, ordered by id, exactly as the current transaction sees them.

        Columns are named and typed as ``Records.snapshot`` has them: ``id``, ``version``, every criterion column and
        custom field (or those of ``columns``); text is dictionary-encoded with int32 codes, in one chunk. A code keeps
        its meaning while rows change. ``version`` may lag behind writes that change nothing else.

        The schema's metadata holds ``generation``: the same text means the same rows. Only rows changed since the last
        call are read.
        """
        ...


class Associations(Protocol):
    """Dated associations of ``"accounts"`` or ``"leads"``."""

    def open_now(self, table: str, *, ids: Iterable[int] | None = None) -> pa.Table:
        """Return open associations: ``record`` (int64), ``territory`` (key or null), ``owner`` (rep id or null),
        ``is_primary``, ``cause``, ``is_locked``, ``place`` (the territory's id or null), ``id`` (its own)."""
        ...

    def locked(self) -> list[int]:
        """Return the accounts that are locked today."""
        ...

    def history(self, table: str) -> pa.Table:
        """Return all associations: ``record``, ``territory``, ``owner``, ``is_primary``, ``valid_from``, ``valid_to``."""
        ...

    def replace(
        self,
        table: str,
        desired: pa.Table,
        *,
        at: datetime,
        model_id: int | None,
        standing: pa.Table | None = None,
    ) -> int:
        """Close and open what differs for the records named in ``desired`` (columns ``record``, ``territory`` key,
        ``owner`` rep id, ``is_primary``, ``cause``, ``reason`` JSON text); returns how many rows were opened.

        The caller holds a transaction. Rows equal in territory, owner and is_primary stay untouched. ``standing`` is what
        ``open_now`` gave in this transaction and turn, for these records or more; without it they are read again.
        """
        ...

    def lock(self, ids: Sequence[int], *, reason: str, until: date | None) -> None:
        """Lock accounts where they are, or change their locks."""
        ...

    def unlock(self, ids: Sequence[int]) -> int:
        """Remove locks; returns how many there were."""
        ...

    def rotations(self, territories: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Lock the territories' rotations (in key order) and return their states; ``{}`` for a new one."""
        ...

    def keep_rotations(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the states of rotations locked before."""
        ...


class Models(Protocol):
    """Territory models as documents."""

    def active(self) -> tuple[int, TerritoryModelDocument] | None:
        """Return (model id, document) of the active model."""
        ...

    def load(self, key: str) -> tuple[int, TerritoryModelDocument] | None:
        """Return (model id, document) by key."""
        ...

    def all(self) -> list[dict[str, Any]]:
        """Return every model's ``key``, ``name``, ``state``, ``effective``, ``territories``, ``takes_effect_at``,
        ``cloned_from``, newest first."""
        ...

    def save(self, document: TerritoryModelDocument, *, actor: Actor) -> int:
        """Create or replace the content of a model in planning or review; returns its id. Refuses others with
        ConflictError."""
        ...

    def activate(self, model_id: int, *, at: datetime) -> None:
        """Archive the active model, make this one active. The caller re-assigns in the same transaction."""
        ...

    def members(self) -> pa.Table:
        """Return members of the active model: ``territory`` key, ``rep`` (e-mail, else external id, else name; unique),
        ``rep_id``, ``rep_name``, ``role``, ``valid_from``, ``valid_to``, ``left_on`` (dates), ``languages`` (list),
        ``hired_on``, ``ramp_weeks``."""
        ...

    def leave(self) -> pa.Table:
        """Return days away: ``rep_id``, ``starts_on``, ``ends_on`` (first day back), ``starts_at_noon``, ``ends_at_noon``."""
        ...

    def reps(self) -> pa.Table:
        """Return what documents may call a rep, a row each: ``label`` (lower-case), ``rep`` (as ``members`` has it),
        ``rep_id``, ``rep_name``, ``left_on``."""
        ...


class CompiledRules(Protocol):
    """A ruleset made ready by an engine; can be pickled and sent to other processes, shared between threads.

    Tables have columns by field name or alias, ``id``, and perhaps ``external_id``; a field without column is missing
    everywhere. Every answer equals ``core.rules.match_record`` row by row.
    """

    @property
    def ruleset(self) -> Ruleset:
        """The rules it was made from."""
        ...

    def match(self, table: pa.Table) -> pa.Table:
        """Return ``id``, ``territory``, ``cause``, ``n_matches``, ``runner_up``, ``rank``, ``overlays`` per row."""
        ...

    def winners(self, table: pa.Table) -> pa.Array:
        """Return the winning territory's key per row (dictionary-encoded text; null = unassigned queue), and no more."""
        ...

    def every_match(self, table: pa.Table) -> pa.Table:
        """Return ``row`` (position in the table, int64), ``id``, ``territory``, ``is_winner``, ``is_overlay`` per match.

        Rows ascend; within a row primary matches come first, in winning order, then overlays.
        """
        ...

    def counts(self, table: pa.Table) -> pa.Table:
        """Return ``territory``, ``n_matches``, ``n_winners`` per rule, in the ruleset's order."""
        ...

    def winner(self, record: Mapping[str, Any]) -> str | None:
        """Return the winning territory's key of one record in microseconds."""
        ...

    def columns(self, names: Collection[str]) -> set[str]:
        """Return those of a table's column names that the rules look at, by field name or alias."""
        ...


class Matcher(Protocol):
    """An engine that matches records to rules (``engines.kernel``, ``engines.duckdb``)."""

    def compile(self, ruleset: Ruleset, *, digest: str | None = None) -> CompiledRules:
        """Return the rules made ready; the same ruleset is made ready only once.

        ``digest`` names the whole content (rules, lists, areas, fields); with it an engine may keep its work on disk.
        """
        ...

    def kept(self, digest: str) -> CompiledRules | None:
        """Return the rules made ready under this digest in an earlier run; None when there are none."""
        ...

    def match(self, ruleset: Ruleset, table: pa.Table) -> pa.Table:
        """Return ``compile(ruleset).match(table)``."""
        ...

    def rematch(self, old: Ruleset, new: Ruleset, table: pa.Table) -> pa.Table:
        """Return the rows that ``new`` places differently from ``old``, at a cost that grows with the changed rules.

        Columns: ``row`` (position in the table, int64, ascending), ``id``, the columns of ``match`` for ``new``, and
        the same for ``old`` with the prefix ``old_`` (``old_territory``, ``old_overlays`` …). A row is there when its
        territory, its cause (named or rule) or its overlays differ.
        """
        ...


class Cluster(Protocol):
    """Matches records that are not in this process: files and tables a cluster reads and writes (``engines.spark``)."""

    def match(
        self,
        ruleset: Ruleset,
        *,
        records: str,
        out: str,
        all_matches: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Write where each record belongs; returns ``records``, ``assigned``, ``queued``, ``out`` and more.

        Parameters
        ----------
        ruleset : Ruleset
            The rules.
        records : str
            A file, a folder or the name of a table, as the cluster sees it.
        out : str
            A CSV file (``.csv``), else a folder of Parquet files.
        all_matches : bool
            Write ``id``, ``territory``, ``is_winner``, ``is_overlay`` per match instead of ``id``, ``territory``
            (null = unassigned queue), ``cause``, ``runner_up``, ``rank`` per record.
        progress : callable, optional
            Told about finished tasks.
        """
        ...


class Gazetteer(Protocol):
    """Offline places (``connectors.geodata``)."""

    def locate(self, table: pa.Table) -> pa.Table:
        """Return latitude, longitude, geo_precision, county, warning per row."""
        ...

    def country_lookup(self) -> Mapping[str, str]:
        """Return folded country text -> ISO 3166-1 alpha-2."""
        ...

    def subdivision_lookup(self, country: str) -> Mapping[str, str]:
        """Return folded subdivision text -> ISO 3166-2 suffix."""
        ...


class Files(Protocol):
    """Reads hostile files and writes safe ones (``connectors.files``)."""

    def read_table(self, path: Path, *, sheet: str | None = None) -> Any:
        """Return a RawTable (strings), parsed in a limited child process."""
        ...

    def write_table(
        self, table: pa.Table, target: Any, *, fmt: str, labels: Mapping[str, str] | None = None
    ) -> None:
        """Write CSV, Excel or Parquet, guarded against formula injection."""
        ...

    def read_document(self, path: Path) -> dict[str, Any]:
        """Return a model document's plain data."""
        ...

    def write_document(self, data: Mapping[str, Any], *, fmt: str) -> str:
        """Return a model document as YAML or JSON text."""
        ...


class Visibility(Protocol):
    """Which rows an actor sees; the same answer ``db.queries`` gives the faces."""

    def visible_ids(
        self, actor: Actor, table: str, ids: Iterable[int] | None = None, *, right: Right = Right.SEE
    ) -> set[int]:
        """Return the ids (among ``ids``) of a CRM table that the actor sees, or has a right on."""
        ...

    def visible_territories(self, actor: Actor, *, right: Right = Right.SEE) -> set[str]:
        """Return keys of the active model's territories that the actor sees, or has a right on."""
        ...

    def holdings(self, actor: Actor) -> tuple[Held, ...]:
        """Return what the actor holds where today, by role and by grants."""
        ...


class People(Protocol):
    """Users, tokens and the company's settings. The caller holds a transaction for writes."""

    def create_user(
        self, *, email: str, role: str, name: str, password: str | None, rep_id: int | None
    ) -> dict[str, Any]:
        """Create a user; InvalidInputError when the e-mail is taken or the password too weak."""
        ...

    def change_user(self, user_id: int, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change name, role, time_zone, is_active, password or rep_id; ends sessions where that must."""
        ...

    def users(self) -> list[dict[str, Any]]:
        """Return all users by e-mail, without secrets."""
        ...

    def create_token(
        self,
        *,
        user_id: int,
        name: str,
        digest: str,
        prefix: str,
        scopes: Sequence[str],
        expires_at: datetime,
    ) -> dict[str, Any]:
        """Keep a token's digest."""
        ...

    def token_owner(self, prefix: str) -> int | None:
        """Return the user id of a token."""
        ...

    def revoke_token(self, *, prefix: str, at: datetime) -> dict[str, Any]:
        """Revoke by prefix; NotFoundError when there is none."""
        ...

    def change_company(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change the company's name, time_zone, currency or country; creates it on first use."""
        ...


class Jobs(Protocol):
    """Long work, done by a worker."""

    def enqueue(self, kind: str, payload: Mapping[str, Any], *, actor: Actor) -> int:
        """Keep a job and queue it; returns its id."""
        ...

    def cancel(self, job_id: int) -> None:
        """Ask work to end as soon as it can, with the best it has; what waits yet is not begun."""
        ...


class Imports(Protocol):
    """Import runs, saved mappings, and taking a run back."""

    def keep_run(
        self, run: Mapping[str, Any], errors: pa.Table, *, actor: Actor, run_id: int | None = None
    ) -> int:
        """Write (or rewrite, by ``run_id``) an import run with its row errors (``ROW_PROBLEMS`` plus
        ``is_rejection``); returns its id. Opens no transaction of its own."""
        ...

    def run(self, run_id: int) -> dict[str, Any]:
        """Return a run's fields; NotFoundError when there is none."""
        ...

    def errors(self, run_id: int) -> pa.Table:
        """Return a run's row errors."""
        ...

    def saved_mapping(self, table: str, header_key: str) -> dict[str, Any] | None:
        """Return the mapping last used for files with these headers."""
        ...

    def keep_mapping(self, table: str, name: str, header_key: str, mapping: Mapping[str, Any]) -> None:
        """Keep a mapping under a name, replacing one of the same name."""
        ...

    def revert(self, table: str, transaction: str) -> dict[str, Any]:
        """Take back what a transaction did to a table, from the audit log: ``deleted`` and ``restored`` ids.

        Raises
        ------
        ConflictError
            When rows were changed, or used by other records, since; nothing is taken back then.
        """
        ...


class Desk(Protocol):
    """What people keep for themselves: saved views and preferences. The caller holds a transaction for writes."""

    def save_view(self, *, user_id: int, table: str, name: str, query: str, is_shared: bool) -> int:
        """Keep a list's view under a name, replacing one's own of that name; returns its id."""
        ...

    def delete_view(self, view_id: int, *, user_id: int) -> None:
        """Delete one's own view; NotFoundError when there is none."""
        ...

    def keep_preferences(self, user_id: int, changes: Mapping[str, Any]) -> None:
        """Merge the changes into a user's preferences."""
        ...
