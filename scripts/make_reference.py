"""Writes the pages of the reference that are made from the code: ``docs/reference/commands.md`` and ``columns.md``.

Run it after a change of a command or a column; a test fails while the pages differ from the code.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
EXIT_CODES = """| exit code | meaning |
|---|---|
| 0 | done |
| 1 | the answer is no: rows were rejected, something would change, a check failed, the content is wrong |
| 2 | wrong use: an unknown option, a missing file, an unknown table |"""
VALUE_WORDS = {"Path": "PATH", "int": "NUMBER"}
KIND_WORDS = {
    "text": "text",
    "number": "number",
    "money": "money",
    "date": "date",
    "instant": "date and time",
    "boolean": "yes or no",
    "list": "list",
}


def main() -> int:
    """Write the pages."""
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
        print(f"wrote docs/reference/{name}")
    return 0


def pages() -> dict[str, str]:
    """Return file name -> text of every page made from the code."""
    return {"commands.md": commands_page(), "columns.md": columns_page()}


# --- commands ---------------------------------------------------------------------------------------------------------


def commands_page() -> str:
    """Return the page of all commands, from the program itself."""
    import typer

    from merestone.cli.app import build

    group = typer.main.get_command(build())
    parts = [
        "# Commands",
        "This page is made from the program by `scripts/make_reference.py`; a test keeps the two equal.",
        "After set-up the program is `.venv/bin/merestone`. Every command has `--help`. Options that name a "
        "database may come from the [settings](settings.md) instead. Long commands show their progress on the "
        "error stream.",
        EXIT_CODES,
        'With `--json` an error is `{"error": {"code", "message", "fix", "problems"}}`; the codes are in '
        "[errors](errors.md).",
        *(section(path, command) for path, command in leaves(group, ("merestone",))),
    ]
    return "\n\n".join(parts) + "\n"


def leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command with the words that call it."""
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name, child in children.items():
        yield from leaves(child, (*path, name))


def section(path: tuple[str, ...], command: Any) -> str:
    """Return one command's part of the page."""
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and one.name != "help"]
    usage = " ".join([*path, *(argument_word(one) for one in arguments), "[OPTIONS]"])
    parts = [f"## {' '.join(path)}", one_line(command.help), f"```\n{usage}\n```"]
    if arguments:
        parts.append(
            table(("argument", "meaning"), ((argument_word(one), one_line(one.help)) for one in arguments))
        )
    if options:
        parts.append(
            table(("option", "meaning"), ((option_words(one), option_meaning(one)) for one in options))
        )
    example = one_line(command.epilog).removeprefix("Example: ")
    if example:
        parts.append(f"Example: `{example}`")
    return "\n\n".join(parts)


def argument_word(argument: Any) -> str:
    """Return an argument as written in the usage."""
    word = str(argument.name).upper()
    return word if argument.required else f"[{word}]"


def option_words(option: Any) -> str:
    """Return an option as typed, with what it takes."""
    kind = str(option.type_descriptor.annotation)
    takes = next((word for mark, word in VALUE_WORDS.items() if mark in kind), "TEXT")
    takes = "" if option.is_flag else f" {takes}"
    return f"`{option.opts[0]}{takes}`"


def option_meaning(option: Any) -> str:
    """Return what an option means, its default, and where else it may come from."""
    parts = [one_line(option.help)]
    default = None if option.is_flag else option.default
    if default not in (None, "") and not callable(default):
        parts.append(f"Default: {default}.")
    if option.required:
        parts.append("Required.")
    if option.multiple:
        parts.append("May be repeated.")
    if option.envvar:
        parts.append(f"Else from `{option.envvar}`.")
    return " ".join(parts)


# --- columns ----------------------------------------------------------------------------------------------------------


def columns_page() -> str:
    """Return the page of all tables and their columns, from ``core.model.columns``."""
    from merestone.core.model.columns import TABLES

    parts = [
        "# Tables and columns",
        "This page is made from `merestone.core.model.columns` by `scripts/make_reference.py`; a test keeps the two "
        "equal.",
        "Names are the same in files, rules, exports and the API. A header of a file is recognised in any case, with "
        "spaces, `_` or camel case between its words. **Required** columns are needed for a new record. Columns "
        "marked *rule* can be used in the [criteria](criteria.md) of a territory. Lists are separated by `;` in flat "
        "files.",
    ]
    for one in TABLES.values():
        parts += [
            f"## {one.name}",
            table(("column", "kind", "headers also read", "notes"), map(column_row, one)),
        ]
    return "\n\n".join(parts) + "\n"


def column_row(column: Any) -> tuple[str, ...]:
    """Return a column's cells."""
    unit = f" ({column.unit})" if column.unit else ""
    notes = [f"{column.label}."]
    if column.required:
        notes.append("**Required.**")
    if column.is_criterion:
        notes.append("*Rule.*")
    if column.help:
        notes.append(one_line(column.help))
    if column.choices:
        notes.append("One of " + ", ".join(f"`{choice}`" for choice in column.choices) + ".")
    if bounds := bounds_of(column):
        notes.append(bounds)
    if column.refers_to:
        notes.append(f"Names a record of `{column.refers_to}`.")
    return (
        f"`{column.name}`",
        KIND_WORDS[column.kind.value] + unit,
        ", ".join(column.synonyms),
        " ".join(notes),
    )


def bounds_of(column: Any) -> str:
    """Return the bounds of a number in words."""
    least, most = column.minimum, column.maximum
    if least is None and most is None:
        return ""
    if most is None:
        return f"At least {least:g}."
    return f"At most {most:g}." if least is None else f"Between {least:g} and {most:g}."


# --- text -------------------------------------------------------------------------------------------------------------


def table(header: tuple[str, ...], rows: Any) -> str:
    """Return a Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def one_line(text: str | None) -> str:
    """Return a text on one line."""
    return " ".join((text or "").split())


if __name__ == "__main__":
    sys.exit(main())
