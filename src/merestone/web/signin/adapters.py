"""What allauth asks of us: how somebody is let in, what is noted, where limits end, how secrets are kept."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from datetime import datetime, timedelta
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from merestone.app import admin, sign_in
from merestone.db.queries.actors import actor_of_user
from merestone.db.queries.company import company
from merestone.db.queries.sign_in import factors, has_factor
from merestone.web.signin import mail
from merestone.web.signin.theme import set_theme
from merestone.web.signin.visit import visit_of

REMEMBER = "merestone_remember"
FACTORS = {
    "totp": "authenticator app",
    "webauthn": "key",
    "recovery_codes": "recovery code",
    "single_sign_on": "single sign-on",
}
WRONG = "E-mail or password is wrong, or the account is closed."


class TooManyAttempts(ValidationError):
    """A limit is reached; ``until`` says when it ends."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"Too many failed sign-ins. Try again in {wait_words(until)}.", code="too_many")
        self.until = until


def wait_words(until: datetime) -> str:
    """Return how long to wait, in words, and the clock time at the end of it."""
    minutes = max(1, -(-int((until - timezone.now()).total_seconds()) // 60))
    return f"{minutes} minute{'' if minutes == 1 else 's'} (at {timezone.localtime(until):%H:%M})"


class AccountAdapter(DefaultAccountAdapter):
    """Passwords, sessions and messages."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": "Too many failed attempts. Try again in five minutes.",
        "rate_limited": "Too many failed attempts. Try again in five minutes.",
        "incorrect_password": "The password is wrong.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Nobody signs up by themselves."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt; TooManyAttempts when there were too many for this e-mail or from this address."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as error:
            key = self._get_login_attempts_cache_key(request, **credentials)
            raise TooManyAttempts(end_of_limit(request, key)) from error

    def reauthenticate(self, user: Any, password: str) -> bool:
        """Check the password again, by the one e-mail our users have."""
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def login(self, request: HttpRequest, user: Any) -> None:
        """Start the session; who came in is noted in the same transaction as the time of the last sign-in."""
        services = request.services  # type: ignore[attr-defined]
        remember = request.session.pop(REMEMBER, False)
        with services.records.transaction(actor_of_user(user), cause="sign in"):
            super().login(request, user)
            how = ", ".join(dict.fromkeys(ways(request, user)))
            sign_in.write(services, "signed_in", user_id=user.pk, detail=how, visit=visit_of(request))
        request.session.set_expiry(settings.REMEMBERED_SECONDS if remember else 0)
        type(request.session).clear_expired()  # nobody else sweeps

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        """Go where one wanted to go, in one's own theme."""
        response = super().post_login(request, user, **kwargs)
        set_theme(response, user.preferences.get("theme", ""))
        return response

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:  # noqa: ARG002
        """Answer somebody whose account was closed between two steps as anybody else who is refused."""
        messages.error(request, WRONG)
        return redirect("sign-in")

    def logout(self, request: HttpRequest) -> None:
        """End the session and note it."""
        user, seen = request.user, visit_of(request)
        super().logout(request)
        if user.is_authenticated:
            services = request.services  # type: ignore[attr-defined]
            sign_in.note(services, actor_of_user(user), "signed_out", visit=seen)

    def set_password(self, user: Any, password: str) -> None:
        """Keep a new password as the use case does, with its name in the audit log."""
        services = context.request.services
        admin.change_user(services, actor_of_user(user), user.pk, password=password)
        user.refresh_from_db()

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:  # noqa: ARG002
        """Return whether the last proof of who somebody is lies too far back; signing in is one."""
        return not is_recent(context.request)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Return the ways to prove it again; single sign-on is one of them."""
        methods = super().get_reauthentication_methods(user)
        sso = settings.SINGLE_SIGN_ON
        if sso is not None and sso.only:
            methods = [method for method in methods if method["id"] != "reauthenticate"]
        if sso is not None:
            methods.append({"id": "sso", "description": f"Use {sso.label}", "url": reverse("sso-start")})
        return methods

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Leave out what a page says anyway: signed in, signed out."""
        template = kwargs.get("message_template") or (args[2] if len(args) > 2 else "")
        if template not in ("account/messages/logged_in.txt", "account/messages/logged_out.txt"):
            super().add_message(*args, **kwargs)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send after the answer: an answer that waits for the mail server tells which e-mails are known."""
        mail.send_later(self.render_mail(template_prefix, email, {"company": company(), **context}))

    def send_notification_mail(
        self, template_prefix: str, user: Any, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Tell somebody that their sign-in changed."""
        super().send_notification_mail(template_prefix, user, context, email or user.email)


def ways(request: HttpRequest, user: Any) -> list[str]:
    """Return how somebody proved who they are, in words."""
    records = get_authentication_records(request, user)
    return [factor_words(str(record.get("type") or record["method"])) for record in records]


def factor_words(kind: str) -> str:
    """Return what allauth calls a proof as people call it."""
    return FACTORS.get(kind, kind.replace("_", " "))


def is_recent(request: HttpRequest) -> bool:
    """Return whether somebody proved who they are within the last quarter of an hour."""
    records = get_authentication_records(request, request.user)
    last = max((record["at"] for record in records), default=0)
    return time.time() - last < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def end_of_limit(request: HttpRequest, key: str, *, action: str = "login_failed") -> datetime:
    """Return when the next attempt is counted again: when the oldest one within a full limit leaves it."""
    ends = [time.time()]
    for rate in ratelimit.get_rates(app="allauth.account", action=action):
        kept = cache.get(
            ratelimit.get_cache_key(request, app="allauth.account", action=action, rate=rate, key=key), []
        )
        if len(kept) >= rate.amount:
            ends.append(kept[rate.amount - 1] + rate.duration)
    return timezone.now() + timedelta(seconds=max(ends) - time.time())


class FactorAdapter(DefaultMFAAdapter):
    """Second factors."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "That is wrong, used already, or too old.",
    }

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        """Suggest a name for a key."""
        number = len([one for one in factors(user.pk)["keys"] if one.type == type]) + 1
        return f"Key {number}"

    def encrypt(self, text: str) -> str:
        """Keep a secret so that the database alone does not give it away."""
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return a secret; what another key wrote reads as one nobody knows, so no code ever fits it."""
        try:
            return _cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return base64.b32encode(secrets.token_bytes(20)).decode()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Name this server as keys show it."""
        return {**super().get_public_key_credential_rp_entity(), "name": "Merestone"}

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        """Return whether a factor may go: the last one of somebody who must have one may not."""
        user = authenticator.user
        return user.role not in company().second_factor_roles or has_factor(user.pk, but=authenticator.pk)


def _cipher() -> Fernet:
    return Fernet(
        base64.urlsafe_b64encode(
            hashlib.sha256(b"merestone.factors:" + settings.SECRET_KEY.encode()).digest()
        )
    )
