"""Foreign errors of the database as the words of ``base.errors``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError
from django.db.models import ProtectedError

from merestone.base.errors import ConflictError, InvalidInputError, UnavailableError

RACES = frozenset({"40001", "40P01"})  # SQLSTATE: serialization failure, deadlock


@contextmanager
def translated() -> Iterator[None]:
    """Run the block; what the database refuses comes out as an error of ours."""
    try:
        yield
    except ProtectedError as error:
        raise ConflictError(
            "Other records still refer to this one, so it stays.", code="in-use", fix="Remove those first."
        ) from error
    except IntegrityError as error:
        raise ConflictError(
            f"The database refused the change: {_first_line(error)}.",
            code="constraint",
            fix="Look at the record as it is now and try again.",
        ) from error
    except DataError as error:
        raise InvalidInputError(f"A value does not fit its column: {_first_line(error)}.") from error
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) in RACES:
            raise ConflictError(
                "Somebody else changed the same records at the same moment.", code="race", fix="Try again."
            ) from error
        raise UnavailableError(
            f"The database did not answer: {_first_line(error)}.", fix="Try again in a moment."
        ) from error
    except DatabaseError as error:
        if type(error) is not DatabaseError:  # the others are mistakes of ours
            raise
        raise UnavailableError(f"The database cannot be used: {_first_line(error)}.") from error
    except InterfaceError as error:
        raise UnavailableError("The connection to the database was lost.", fix="Try again.") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0].rstrip(".")
