"""Notes in the audit log what allauth changes in tables of its own: factors added, removed, used up, refused.

allauth tells by signals only. This module is imported with the routes, so they are heard before the first request.
"""

from __future__ import annotations

from typing import Any

from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from merestone.app import sign_in
from merestone.db.queries.actors import actor_of_user
from merestone.web.signin.adapters import factor_words
from merestone.web.signin.visit import visit_of


def listen() -> None:
    """Hear allauth's signals; more than once is as good as once."""
    for signal, hear in HEARD:
        signal.connect(hear, dispatch_uid=f"merestone-{hear.__name__}")


def added(*, request: HttpRequest, user: Any, authenticator: Authenticator, **_: Any) -> None:
    """Note a new factor, or recovery codes made with it."""
    kind = "recovery_codes_made" if _is_codes(authenticator) else "factor_added"
    _note(request, user, kind, authenticator)


def removed(*, request: HttpRequest, user: Any, authenticator: Authenticator, **_: Any) -> None:
    """Note a factor that went."""
    _note(request, user, "factor_removed", authenticator)


def reset(*, request: HttpRequest, user: Any, authenticator: Authenticator, **_: Any) -> None:
    """Note recovery codes made anew."""
    _note(request, user, "recovery_codes_made", authenticator)


def used(*, request: HttpRequest, user: Any, authenticator: Authenticator, **_: Any) -> None:
    """Note a recovery code used up; the use of other factors is told with the sign-in."""
    if _is_codes(authenticator):
        _note(request, user, "recovery_code_used", authenticator)


def refused(*, request: HttpRequest, user: Any, authenticator: Authenticator, **_: Any) -> None:
    """Note a wrong code or key."""
    _note(request, user, "refused", authenticator)


HEARD = (
    (signals.authenticator_added, added),
    (signals.authenticator_removed, removed),
    (signals.authenticator_reset, reset),
    (signals.authenticator_used, used),
    (signals.authentication_failed, refused),
)


def _is_codes(authenticator: Authenticator) -> bool:
    return authenticator.type == Authenticator.Type.RECOVERY_CODES


def _note(request: HttpRequest, user: Any, kind: str, authenticator: Authenticator) -> None:
    services = request.services  # type: ignore[attr-defined]
    detail = factor_words(authenticator.type)
    if authenticator.type == Authenticator.Type.WEBAUTHN:
        detail = f"{detail} “{authenticator.data.get('name', '')}”"
    sign_in.note(services, actor_of_user(user), kind, detail=detail, visit=visit_of(request))
