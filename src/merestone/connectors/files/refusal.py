"""The one error for a model document that cannot be read."""

from __future__ import annotations

from merestone.base.errors import InvalidInputError, Problem


def unreadable(problems: list[Problem]) -> InvalidInputError:
    """Return the error that tells these problems of a model document."""
    return InvalidInputError("The model document cannot be read.", problems, code="bad-document")
