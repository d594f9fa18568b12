"""One way to read a column: the plain cells by whole-column expressions, the odd ones once per distinct value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

ISSUES = {
    "at": pl.Int64, "value": pl.String, "code": pl.String, "message": pl.String, "fix": pl.String,
    "is_error": pl.Boolean,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Read:
    """What one distinct text means.

    Parameters
    ----------
    value : object
        The typed value; null when there is none.
    code, message, fix : str
        Set when something is wrong with it.
    is_error : bool
        The row is rejected; else the person is only told.
    extra : str or None
        A second finding, such as the currency of an amount.
    """

    value: Any = None
    code: str = ""
    message: str = ""
    fix: str = ""
    is_error: bool = True
    extra: str | None = None


def no_issues() -> pl.DataFrame:
    """Return an empty frame of issues."""
    return pl.DataFrame(schema=ISSUES)


def read_distinct(
    texts: pl.Series, read: Callable[[str], Read], *, dtype: pl.DataType | type[pl.DataType]
) -> tuple[pl.Series, pl.DataFrame, pl.Series]:
    """Return the typed column, its issues (``at`` is the position in the column) and the extras.

    ``read`` is called once per distinct text.
    """
    distinct = texts.drop_nulls().unique(maintain_order=True)
    found = [read(text) for text in distinct.to_list()]
    table = pl.DataFrame(
        {
            "text": distinct,
            "typed": pl.Series([item.value for item in found], dtype=dtype, strict=False),
            "code": pl.Series([item.code for item in found], dtype=pl.String),
            "message": pl.Series([item.message for item in found], dtype=pl.String),
            "fix": pl.Series([item.fix for item in found], dtype=pl.String),
            "is_error": pl.Series([item.is_error for item in found], dtype=pl.Boolean),
            "extra": pl.Series([item.extra for item in found], dtype=pl.String),
        }
    )
    joined = pl.DataFrame({"text": texts}).join(table, on="text", how="left", maintain_order="left")
    issues = (
        joined.with_row_index("at")
        .filter(pl.col("code").fill_null("") != "")
        .select(
            pl.col("at").cast(pl.Int64), pl.col("text").alias("value"), "code", "message", "fix", "is_error"
        )
    )
    return joined["typed"], issues, joined["extra"]


def issues_where(
    mask: pl.Series, texts: pl.Series, *, code: str, message: str, fix: str = ""
) -> pl.DataFrame:
    """Return an error for each masked cell; ``{}`` in the message stands for the cell's text."""
    at = mask.fill_null(False).arg_true().cast(pl.Int64)
    if not len(at):
        return no_issues()
    values = texts.gather(at).cast(pl.String)
    shown = values.fill_null("").str.slice(0, 80)
    before, _, after = message.partition("{}")
    said = (
        pl.lit(before) + pl.lit("'") + shown + pl.lit("'") + pl.lit(after)
        if "{}" in message
        else pl.lit(message)
    )
    return pl.DataFrame({"at": at, "value": values}).select(
        "at",
        "value",
        pl.lit(code).alias("code"),
        said.alias("message"),
        pl.lit(fix).alias("fix"),
        pl.lit(True).alias("is_error"),
    )
