"""What the use cases of signing in need kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol


class SignIns(Protocol):
    """Events at the door, second factors, sessions and identities elsewhere. The caller holds a transaction for writes."""

    def note(
        self, kind: str, *, user_id: int | None, email: str, address: str | None, device: str, detail: str
    ) -> None:
        """Keep an event."""
        ...

    def remove_factors(self, user_id: int) -> int:
        """Remove every second factor and recovery code of a user; returns how many there were."""
        ...

    def end_sessions(self, user_id: int) -> None:
        """Make every session of a user invalid at once, also those nobody listed."""
        ...

    def end_session(self, user_id: int, session_id: int) -> bool:
        """End one listed session of a user; returns whether there was one."""
        ...

    def user_of_identity(self, issuer: str, subject: str) -> dict[str, Any] | None:
        """Return the user linked to an identity."""
        ...

    def issuers_of(self, user_id: int) -> set[str]:
        """Return the providers a user is linked at."""
        ...

    def link(self, user_id: int, *, issuer: str, subject: str, email: str) -> None:
        """Link a user to an identity."""
        ...

    def password_key(self, user_id: int) -> str:
        """Return a key with which the user's password can be set once, within a day."""
        ...

    def door_key(self, user_id: int) -> str:
        """Return a key that signs the user in once, within ten minutes."""
        ...

    def user_of_door_key(self, key: str) -> dict[str, Any] | None:
        """Return the user of an unused key; None when it is wrong, old or used."""
        ...

    def last_event(self, user_id: int, kind: str) -> datetime | None:
        """Return when an event last happened to a user."""
        ...
