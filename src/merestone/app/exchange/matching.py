# ruff: noqa: SIM905 - lists of fifty quoted words read worse
"""Which record each row of a file is: by external id, mail address, web domain, then name and place.

A row with its own external id is never the record that has another one. What looks alike but is not surely the same,
and what several records answer to, is reported and never merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

MATCHES = pa.schema(
    [
        ("row", pa.int64()),  # the file's row number, in the order of the incoming rows
        ("match_id", pa.int64()),  # id of the record this row is; null when it is a new one
        ("how", pa.string()),  # external_id, email, domain, name_postal, name, same; null when new
        ("duplicate_of_row", pa.int64()),  # the earlier row of the file that is the same record
        ("ambiguous", pa.list_(pa.string())),  # what it looks like but was kept apart from: 'A-100', 'row 17'
    ]
)
SHARED_HOSTS = frozenset(
    "facebook.com instagram.com twitter.com x.com linkedin.com youtube.com tiktok.com pinterest.com linktr.ee "
    "untappd.com yelp.com tripadvisor.com google.com goo.gl bit.ly t.me wa.me naver.com daum.net medium.com "
    "gmail.com googlemail.com yahoo.com hotmail.com outlook.com live.com msn.com icloud.com me.com aol.com gmx.de "
    "gmx.net gmx.com web.de t-online.de mail.ru yandex.ru qq.com 163.com 126.com protonmail.com proton.me "
    "orange.fr free.fr wanadoo.fr laposte.net btinternet.com comcast.net verizon.net att.net sbcglobal.net".split()
)
"""Social networks and mail providers, with all their sub-domains: no key to a company."""
SITE_HOSTS = frozenset(
    "wixsite.com wix.com wordpress.com blogspot.com squarespace.com weebly.com webs.com jimdo.com business.site "
    "godaddysites.com square.site shopify.com myshopify.com github.io webflow.io site123.me tumblr.com".split()
)
"""Hosts of other people's sites: a sub-domain is one company's, the bare host is nobody's."""
_LEGAL_FORMS = (
    "incorporated inc corporation corp company co limited ltd llc llp lp plc gmbh ag kg kgaa ug ohg gbr mbh se sa sas "
    "sarl srl spa sl bv nv vof oy oyj ab aps as asa sro zoo pty pte kk sdn bhd ltda"
).split()
_SPELLED = (r" ([a-z]) ([a-z]) ([a-z]) ([a-z])$", r" ([a-z]) ([a-z]) ([a-z])$", r" ([a-z]) ([a-z])$")
"""Letters apart at the end of a name: ``s a r l`` is ``sarl``."""
_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Key:
    """One way to know a record again; a weak one never joins what several records answer to."""

    how: str
    expression: pl.Expr


def fold_text(text: pl.Expr) -> pl.Expr:
    """Return text without case, accents and punctuation, with single spaces."""
    text = text.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    text = text.str.replace_all("ß", "ss").str.replace_all("&", " and ").str.replace_all(r"['’`´]", "")
    return text.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()


def fold_company(name: pl.Expr) -> pl.Expr:
    """Return a company's name as compared: folded, and without legal forms at its end and ``the`` at its start."""
    folded = fold_text(name)
    for letters, short in zip(_SPELLED, (" $1$2$3$4", " $1$2$3", " $1$2"), strict=True):
        folded = folded.str.replace(letters, short)
    bare = folded.str.replace(r"^the ", "").str.replace(rf"(?: (?:and co|{'|'.join(_LEGAL_FORMS)}))+$", "")
    bare = bare.str.strip_chars()
    return pl.when(bare == "").then(folded).otherwise(bare)


def match_rows(incoming: pa.Table, existing: pa.Table, *, table: str = "") -> pa.Table:
    """Return ``MATCHES``: one row per incoming row, in order.

    Parameters
    ----------
    incoming : pyarrow.Table
        Normalised rows with ``row`` and any columns of the table; references resolved to ``<name>_id`` where known.
    existing : pyarrow.Table
        The table's snapshot: ``id`` and the same columns.
    table : str
        Which table; told from the columns of ``existing`` when not given.
    """
    if not incoming.num_rows:
        return MATCHES.empty_table()
    names = [name for name in incoming.column_names if name in existing.column_names or name == "row"]
    rows = _frame(incoming, names).with_row_index("at")
    known = _frame(existing, ["id", *(name for name in names if name != "row")])
    kinds = {name: incoming.schema.field(name).type for name in names}
    if "external_id" not in names:
        rows = rows.with_columns(external_id=pl.lit(None, pl.String))
        known = known.with_columns(external_id=pl.lit(None, pl.String))
    found = _Found(rows, known)
    for key in _keys(table or _table_of(existing.column_names), names, kinds):
        found.join(key)
    return found.result(incoming["row"])


def _frame(table: pa.Table, names: Sequence[str]) -> pl.DataFrame:
    frame = pl.from_arrow(table.select(list(names)))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _table_of(names: Sequence[str]) -> str:
    for name, table in (
        ("domain", "accounts"),
        ("last_name", "contacts"),
        ("converted_at", "leads"),
        ("home_city", "reps"),
        ("family", "products"),
        ("stage", "opportunities"),
        ("occurs_at", "activities"),
        ("annual_value", "contracts"),
    ):
        if name in names:
            return table
    return ""


def _keys(table: str, names: Sequence[str], kinds: dict[str, pa.DataType]) -> list[_Key]:
    """Return the keys of a table, the surest first."""
    keys = [_Key("external_id", pl.col("external_id"))]
    if "email" in names and table in ("contacts", "leads", "reps"):
        keys.append(_Key("email", pl.col("email").str.to_lowercase()))
    if table == "accounts":
        if "domain" in names:
            keys.append(_Key("domain", _domain_key()))
        keys.append(_Key("name_postal", _name_and_place("name", names)))
    elif table == "leads":
        company = pl.col("company").fill_null("") if "company" in names else pl.lit("")
        place = _name_and_place("name", names)
        keys.append(_Key("name_postal", pl.concat_str(place, pl.lit("\x1f"), fold_company(company))))
    elif table in ("reps", "products"):
        keys.append(_Key("name", fold_text(pl.col("name"))))
    else:
        same = [name for name in _SAME.get(table, ()) if name in names]
        if set(same) >= _ENOUGH.get(table, {"-"}):
            parts = [_as_key(name, kinds[name]) for name in same]
            keys.append(_Key("same", pl.concat_str(parts, separator="\x1f")))
    return [key for key in keys if set(key.expression.meta.root_names()) <= {*names, "external_id"}]


_SAME = {
    "contacts": ("account_id", "first_name", "last_name"),
    "opportunities": ("account_id", "owner_id", "product_id", "name", "opened_on", "amount"),
    "activities": ("account_id", "lead_id", "rep_id", "kind", "subject", "occurs_at"),
    "contracts": ("account_id", "product_id", "starts_on"),
}
_ENOUGH = {
    "contacts": {"account_id", "last_name"},
    "opportunities": {"name", "opened_on"},
    "activities": {"subject", "occurs_at"},
    "contracts": {"account_id", "starts_on"},
}


def _as_key(name: str, kind: pa.DataType) -> pl.Expr:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return fold_text(pl.col(name)).fill_null("")
    if pa.types.is_decimal(kind):
        return pl.col(name).cast(pl.Decimal(18, 2)).cast(pl.String).fill_null("")
    return pl.col(name).cast(pl.String).fill_null("")


def _domain_key() -> pl.Expr:
    host = pl.col("domain").str.to_lowercase().str.replace(r"^www\.", "")
    # The last two labels decide: m.facebook.com is as shared as facebook.com.
    site = host.str.extract(r"([^.]+\.[^.]+)$", 1)
    is_shared = site.is_in(list(SHARED_HOSTS)) | host.is_in(list(SITE_HOSTS))
    return pl.when(is_shared).then(None).otherwise(host)


def _name_and_place(name: str, names: Sequence[str]) -> pl.Expr:
    """Return name and postal code; without a postal code, name and whatever place is known."""

    def part(column: str) -> pl.Expr:
        return fold_text(pl.col(column)).fill_null("") if column in names else pl.lit("")

    postal = part("postal_code").str.replace_all(" ", "")
    place = pl.concat_str([part(column) for column in ("city", "state", "country")], separator="\x1f")
    where = pl.when(postal != "").then(pl.lit("#") + postal).otherwise(place)
    return pl.concat_str(fold_company(pl.col(name)), pl.lit("\x1f"), where)


class _Found:
    """What is known of each incoming row so far."""

    def __init__(self, rows: pl.DataFrame, known: pl.DataFrame) -> None:
        self.rows, self.known = rows, known
        self.state = rows.select(
            "at",
            pl.lit(None, pl.Int64).alias("match_id"),
            pl.lit(None, pl.String).alias("how"),
            pl.lit(None, pl.Int64).alias("duplicate_of_row"),
        )
        self.like: list[pl.DataFrame] = []

    def join(self, key: _Key) -> None:
        """Match the rows that are still open by one key, then find the file's own duplicates by it."""
        rows = self.rows.select("at", "row", "external_id", key=key.expression).join(self.state, on="at")
        rows = rows.filter(pl.col("key").is_not_null() & pl.col("duplicate_of_row").is_null())
        known = self.known.select("id", known_id="external_id", key=key.expression).drop_nulls("key")
        if key.how == "domain":
            # A domain that several records or rows share (branches, a group) is a key to none of them.
            rows = rows.filter(pl.col("key").is_unique())
            known = known.filter(pl.col("key").is_unique())
        open_rows = rows.filter(pl.col("match_id").is_null())
        self._match(open_rows.join(known, on="key"), key.how)
        self._duplicates(rows.drop("match_id").join(self.state.select("at", "match_id"), on="at"), key.how)

    def _match(self, pairs: pl.DataFrame, how: str) -> None:
        if how == "external_id":
            self._set(pairs.unique("at", keep="first", maintain_order=True), how)
            return
        may = pl.col("external_id").is_null() | pl.col("known_id").is_null()
        taken = self.state["match_id"].drop_nulls().implode()
        is_taken = pl.col("id").is_in(taken)
        sure = pairs.filter(may & (pl.len().over("at") == 1) & ~is_taken)
        self._set(sure, how)
        rest = pairs.join(sure.select("at"), on="at", how="anti")
        said = pl.coalesce("known_id", pl.lit("record ") + pl.col("id").cast(pl.String))
        self.like.append(rest.select("at", like=said))

    def _set(self, pairs: pl.DataFrame, how: str) -> None:
        found = pairs.select("at", pl.col("id").cast(pl.Int64).alias("new_id"))
        self.state = (
            self.state.join(found, on="at", how="left", maintain_order="left")
            .with_columns(
                match_id=pl.coalesce("match_id", "new_id"),
                how=pl.when(pl.col("new_id").is_not_null()).then(pl.lit(how)).otherwise("how"),
            )
            .drop("new_id")
        )

    def _duplicates(self, rows: pl.DataFrame, how: str) -> None:
        """Mark later rows of the file with the same key; those with other external ids are only alike."""
        first = (
            rows.filter(pl.col("key").is_duplicated())
            .sort("at")
            .with_columns(
                first_at=pl.col("at").first().over("key"),
                first_row=pl.col("row").first().over("key"),
                first_id=pl.col("external_id").first().over("key"),
                first_match=pl.col("match_id").first().over("key"),
            )
        )
        later = first.filter(pl.col("at") != pl.col("first_at"))
        same = pl.lit(True)
        if how != "external_id":
            both = pl.col("external_id").is_not_null() & pl.col("first_id").is_not_null()
            matched_apart = pl.col("match_id").is_not_null() & (
                pl.col("first_match").is_null() | (pl.col("match_id") != pl.col("first_match"))
            )
            same = ~both & ~matched_apart.fill_null(False)
        self._mark(later.filter(same))
        self.like.append(
            later.filter(~same).select("at", like=pl.lit("row ") + pl.col("first_row").cast(pl.String))
        )

    def _mark(self, later: pl.DataFrame) -> None:
        found = later.select("at", pl.col("first_row").alias("new_row"))
        self.state = (
            self.state.join(found, on="at", how="left", maintain_order="left")
            .with_columns(duplicate_of_row=pl.coalesce("duplicate_of_row", "new_row"))
            .drop("new_row")
        )

    def result(self, row_numbers: pa.ChunkedArray) -> pa.Table:
        """Return all as ``MATCHES``."""
        self._same_record_twice()
        like = pl.concat(
            [pl.DataFrame(schema={"at": pl.UInt32, "like": pl.String}), *self.like], how="vertical_relaxed"
        )
        like = (
            like.unique(maintain_order=True)
            .group_by("at", maintain_order=True)
            .agg(pl.col("like").head(_MOST_SHOWN))
        )
        done = self.state.join(like, on="at", how="left", maintain_order="left").sort("at")
        done = done.with_columns(
            row=pl.Series(row_numbers.to_pylist(), dtype=pl.Int64),
            ambiguous=pl.col("like").fill_null(pl.lit([], pl.List(pl.String))),
        )
        return done.select(MATCHES.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(MATCHES)

    def _same_record_twice(self) -> None:
        """Of rows that came to the same record by different keys, keep the first as its row."""
        rows = self.state.join(self.rows.select("at", "row"), on="at").filter(
            pl.col("match_id").is_not_null() & pl.col("duplicate_of_row").is_null()
        )
        first = (
            rows.filter(pl.col("match_id").is_duplicated())
            .sort("at")
            .with_columns(
                first_at=pl.col("at").first().over("match_id"),
                first_row=pl.col("row").first().over("match_id"),
            )
        )
        self._mark(first.filter(pl.col("at") != pl.col("first_at")))
