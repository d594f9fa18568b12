"""What people see of how they sign in: second factors, sessions, events."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from merestone.db.models import Company, Identity, SignInEvent, User


def has_factor(user_id: int, *, but: int | None = None) -> bool:
    """Return whether a user has a second factor, besides the one named."""
    found = Authenticator.objects.filter(user_id=user_id).exclude(type=Authenticator.Type.RECOVERY_CODES)
    return found.exclude(pk=but).exists()


def factors(user_id: int) -> dict[str, Any]:
    """Return the authenticator app, the keys and the number of recovery codes left of a user."""
    found = list(Authenticator.objects.filter(user_id=user_id).order_by("created_at"))
    codes = next((one for one in found if one.type == Authenticator.Type.RECOVERY_CODES), None)
    return {
        "app": next((one for one in found if one.type == Authenticator.Type.TOTP), None),
        "keys": [one for one in found if one.type == Authenticator.Type.WEBAUTHN],
        "codes": codes,
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
    }


def sessions(user_id: int) -> list[Any]:
    """Return the sessions of a user that still hold, newest first."""
    user = User.objects.get(pk=user_id)
    return sorted(UserSession.objects.purge_and_list(user), key=lambda one: one.last_seen_at, reverse=True)


def events(user_id: int) -> Any:
    """Return what lately happened at the door for a user."""
    return SignInEvent.objects.filter(user_id=user_id)[:20]


def identities(user_id: int) -> Any:
    """Return the providers a user is linked at."""
    return Identity.objects.filter(user_id=user_id)


def user_row(user_id: int) -> User:
    """Return the row of a user."""
    return User.objects.get(pk=user_id)


def roles_with_factor() -> list[str]:
    """Return the roles the company asks a second factor of."""
    return Company.objects.order_by("id").values_list("second_factor_roles", flat=True).first() or []
