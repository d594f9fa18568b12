"""The one error tree. Each error has a stable code, a sentence naming the wrong value, and a fix.

MerestoneError
├── UsageError            the call itself is wrong (exit code 2, HTTP 400)
├── InvalidInputError     the content is wrong: carries every Problem at once (exit code 1, HTTP 422)
├── NotFoundError         no such record, or hidden from the actor: the two read the same (HTTP 404)
├── ForbiddenError        the actor may see it but not do this (HTTP 403)
├── ConflictError         somebody else changed it meanwhile: carries the difference (HTTP 409 or 412)
├── MissingExtraError     an optional part is not installed: names the install command
└── UnavailableError      a database, file or process did not answer (HTTP 503)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in some content.

    Parameters
    ----------
    code : str
        Stable kebab-case identifier, listed in the reference (``unknown-field``).
    message : str
        A sentence naming the wrong value.
    fix : str
        What to do about it; empty when there is nothing to suggest.
    where : str
        Human place: ``"territories/us-west/where"`` or ``"row 17, column revenue"``.
    line, column : int or None
        1-based position in the text, when the content is text.
    length : int or None
        Number of characters the problem covers from (line, column).
    """

    code: str
    message: str
    fix: str = ""
    where: str = ""
    line: int | None = None
    column: int | None = None
    length: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the problem as plain JSON values, without empty entries."""
        return {key: value for key, value in asdict(self).items() if value not in ("", None)}

    def __str__(self) -> str:
        place = self.where
        if self.line is not None:
            position = f"line {self.line}, column {self.column}"
            place = f"{place}, {position}" if place else position
        text = f"{place}: {self.message}" if place else self.message
        return f"{text} {self.fix}".strip()


class MerestoneError(Exception):
    """Root of the tree.

    Parameters
    ----------
    message : str
        A sentence naming the value that was wrong.
    code : str, optional
        Overrides the class's stable code.
    fix : str, optional
        What the user can do.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()


class UsageError(MerestoneError):
    """The call itself is wrong."""

    code = "usage"


class InvalidInputError(MerestoneError):
    """The content is wrong; ``problems`` lists everything that is, not only the first.

    Parameters
    ----------
    message : str
        A sentence about the whole.
    problems : sequence of Problem
        Every problem found, in reading order.
    """

    code = "invalid-input"

    def __init__(
        self,
        message: str,
        problems: list[Problem] | tuple[Problem, ...] = (),
        *,
        code: str | None = None,
        fix: str = "",
    ) -> None:
        super().__init__(message, code=code, fix=fix)
        self.problems = list(problems)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  {problem}" for problem in self.problems)])


class NotFoundError(MerestoneError):
    """No such record, or one the actor may not see: the two answer exactly alike."""

    code = "not-found"


class ForbiddenError(MerestoneError):
    """The actor may not do this."""

    code = "forbidden"


class ConflictError(MerestoneError):
    """Somebody else changed the record meanwhile; ``difference`` says what (field -> [yours, theirs])."""

    code = "conflict"

    def __init__(
        self,
        message: str,
        *,
        difference: dict[str, Any] | None = None,
        code: str | None = None,
        fix: str = "",
    ) -> None:
        super().__init__(message, code=code, fix=fix)
        self.difference = difference or {}


class MissingExtraError(MerestoneError):
    """An optional part is not installed; ``fix`` names the install command."""

    code = "missing-extra"


class UnavailableError(MerestoneError):
    """A database, file or process did not answer."""

    code = "unavailable"
