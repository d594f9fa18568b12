"""Events at the door, second factors, sessions, identities elsewhere, and keys that work once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core import signing
from django.db.models import F
from django.utils.crypto import constant_time_compare, salted_hmac

from merestone.db.models import Identity, SignInEvent, User
from merestone.db.stores.people import as_dict

DOOR = "merestone.door-key"
DOOR_SECONDS = 600


class SignInStore:
    """Implements ``app.ports_sign_in.SignIns``."""

    def note(
        self, kind: str, *, user_id: int | None, email: str, address: str | None, device: str, detail: str
    ) -> None:
        """Keep an event; the audit triggers log it. An e-mail is looked up, so that the user sees who tried it."""
        if user_id is None and email:
            user_id = User.objects.filter(email=email.lower()).values_list("id", flat=True).first()
        SignInEvent.objects.create(
            kind=kind, user_id=user_id, email=email[:254], address=address, device=device, detail=detail
        )

    def remove_factors(self, user_id: int) -> int:
        """Remove authenticator app, security keys and recovery codes; returns how many factors there were."""
        found = Authenticator.objects.filter(user_id=user_id)
        n_factors = found.exclude(type=Authenticator.Type.RECOVERY_CODES).count()
        found.delete()
        return n_factors

    def end_sessions(self, user_id: int) -> None:
        """Raise the number every session is bound to, and forget the list."""
        User.objects.filter(pk=user_id).update(session_epoch=F("session_epoch") + 1, version=F("version") + 1)
        UserSession.objects.filter(user_id=user_id).delete()

    def end_session(self, user_id: int, session_id: int) -> bool:
        """End one session that belongs to the user."""
        session = UserSession.objects.filter(user_id=user_id, pk=session_id).first()
        if session is None:
            return False
        session.end()
        return True

    def user_of_identity(self, issuer: str, subject: str) -> dict[str, Any] | None:
        """Return the user linked to an identity."""
        found = Identity.objects.select_related("user").filter(issuer=issuer, subject=subject).first()
        return as_dict(found.user) if found else None

    def issuers_of(self, user_id: int) -> set[str]:
        """Return the providers a user is linked at."""
        return set(Identity.objects.filter(user_id=user_id).values_list("issuer", flat=True))

    def link(self, user_id: int, *, issuer: str, subject: str, email: str) -> None:
        """Link a user to an identity."""
        Identity.objects.create(user_id=user_id, issuer=issuer, subject=subject, email=email)

    def password_key(self, user_id: int) -> str:
        """Return the key of a password link: bound to the old password and the last sign-in, so it works once."""
        from allauth.account.forms import default_token_generator
        from allauth.account.utils import user_pk_to_url_str

        user = User.objects.get(pk=user_id)
        return f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"

    def door_key(self, user_id: int) -> str:
        """Return a signed key bound to the last sign-in: the next sign-in makes it worthless."""
        user = User.objects.get(pk=user_id)
        return signing.dumps([user.pk, _state_of(user)], salt=DOOR)

    def user_of_door_key(self, key: str) -> dict[str, Any] | None:
        """Return the user of a key that is ours, young and unused."""
        try:
            user_id, state = signing.loads(key, salt=DOOR, max_age=DOOR_SECONDS)
        except (signing.BadSignature, ValueError):
            return None
        user = User.objects.filter(pk=user_id, is_active=True, role="admin").first()
        if user is None or not constant_time_compare(state, _state_of(user)):
            return None
        return as_dict(user)

    def last_event(self, user_id: int, kind: str) -> datetime | None:
        """Return when an event last happened to a user."""
        return (
            SignInEvent.objects.filter(user_id=user_id, kind=kind)
            .order_by("-at")
            .values_list("at", flat=True)
            .first()
        )


def _state_of(user: User) -> str:
    """Return what changes with the next sign-in, password, role or end of sessions."""
    said = f"{user.last_login.isoformat() if user.last_login else ''}:{user.get_session_auth_hash()}"
    return salted_hmac(DOOR, said, algorithm="sha256").hexdigest()[:32]
