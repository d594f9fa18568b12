"""Single sign-on: what an administrator writes down about the company's OpenID Connect provider, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from merestone.base.errors import InvalidInputError, Problem
from merestone.core.model.columns import USER_ROLES

LOCAL = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/|$)")


@dataclass(frozen=True, slots=True)
class SingleSignOn:
    """One OpenID Connect provider.

    Parameters
    ----------
    issuer : str
        Address of the provider exactly as its tokens name it.
    client_id, client_secret : str
        What the provider calls this server. Without a secret the exchange rests on PKCE alone.
    label : str
        Words on the button.
    domains : tuple of str
        E-mail domains let in; none = all.
    role_claim : str
        Claim that holds the role or groups; empty = roles are given here by hand.
    roles : mapping of str to str
        Value of the claim to role. The first that applies counts; when none does, ``default_role``.
    creates_users : bool
        Whether somebody unknown gets an account.
    default_role : str
    only : bool
        Whether passwords are switched off.
    has_second_factor : bool
        Whether the provider asks for a second factor itself, so that none need be set up here.
    scopes : tuple of str
    """

    issuer: str
    client_id: str
    client_secret: str = ""
    label: str = "single sign-on"
    domains: tuple[str, ...] = ()
    role_claim: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    creates_users: bool = False
    default_role: str = "rep"
    only: bool = False
    has_second_factor: bool = False
    scopes: tuple[str, ...] = ("openid", "email", "profile")

    def lets_in(self, email: str) -> bool:
        """Return whether the e-mail's domain is one of those let in."""
        return not self.domains or email.rpartition("@")[2].lower() in self.domains

    def role_of(self, claims: Mapping[str, Any]) -> str | None:
        """Return the role the claims give; None when roles are given by hand."""
        if not self.role_claim:
            return None
        said = claims.get(self.role_claim)
        held = {str(value) for value in (said if isinstance(said, list) else [said])}
        return next((role for value, role in self.roles.items() if value in held), self.default_role)


KEYS = {
    "issuer": str, "client_id": str, "client_secret": str, "label": str, "domains": list, "role_claim": str,
    "roles": dict, "create_users": bool, "default_role": str, "only": bool, "second_factor": bool, "scopes": list,
}  # fmt: skip
WORDS = {str: "a text", list: "a list of texts", dict: "a table of texts", bool: "true or false"}


def single_sign_on(document: Mapping[str, Any]) -> SingleSignOn:
    """Return the settings a document holds.

    Raises
    ------
    InvalidInputError
        With every problem at once: unknown keys, wrong types, unknown roles, an address that is not HTTPS.
    """
    problems = [*_shape_problems(document), *_value_problems(document)]
    if problems:
        raise InvalidInputError("Single sign-on is not set up rightly.", problems)
    given = {key: value for key, value in document.items() if value not in (None, "")}
    renamed = {"create_users": "creates_users", "second_factor": "has_second_factor"}
    values = {renamed.get(key, key): value for key, value in given.items()}
    for name in ("domains", "scopes"):
        if name in values:
            values[name] = tuple(str(one).lower().lstrip("@") for one in values[name])
    return SingleSignOn(**values)


def _shape_problems(document: Mapping[str, Any]) -> list[Problem]:
    problems = [
        Problem("sso-unknown-key", f"'{key}' is not known.", f"Use {', '.join(KEYS)}.", where=key)
        for key in document
        if key not in KEYS
    ]
    for key, kind in KEYS.items():
        value = document.get(key)
        if value is None:
            continue
        is_right = isinstance(value, kind)
        if is_right and kind in (list, dict):
            is_right = all(isinstance(one, str) for one in (value.values() if kind is dict else value))
        if not is_right:
            problems.append(
                Problem("sso-bad-value", f"'{key}' must be {WORDS[kind]}.", "Correct it.", where=key)
            )
    return problems


def _value_problems(document: Mapping[str, Any]) -> list[Problem]:
    problems = [
        Problem("sso-missing", f"'{key}' is missing.", "The provider tells it.", where=key)
        for key in ("issuer", "client_id")
        if not document.get(key)
    ]
    issuer = document.get("issuer")
    if issuer and not (str(issuer).startswith("https://") or LOCAL.match(str(issuer))):
        problems.append(
            Problem("sso-not-https", f"'{issuer}' is not an HTTPS address.", "Use https://…", where="issuer")
        )
    roles = document.get("roles")
    given = list(roles.values()) if isinstance(roles, dict) else []
    problems += [
        Problem(
            "unknown-role", f"'{role}' is not a role.", f"Use one of {', '.join(USER_ROLES)}.", where="roles"
        )
        for role in [*given, document.get("default_role")]
        if role is not None and role not in USER_ROLES
    ]
    if given and not document.get("role_claim"):
        problems.append(
            Problem(
                "sso-missing", "'role_claim' is missing.", "Name the claim 'roles' reads.", where="role_claim"
            )
        )
    return problems
