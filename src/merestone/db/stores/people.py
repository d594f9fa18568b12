"""Users, tokens and the company's settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from merestone.base.errors import InvalidInputError, NotFoundError, Problem
from merestone.db.models import ApiToken, Company, Rep, User

COMPANY_FIELDS = ("name", "time_zone", "currency", "country", "second_factor_roles")
USER_FIELDS = ("name", "role", "time_zone", "is_active")


def password_problems(password: str, user: User) -> list[Problem]:
    """Return why a password is too weak."""
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        return [
            Problem("weak-password", message, "Choose another one.", where="password")
            for message in error.messages
        ]
    return []


def as_dict(user: User) -> dict[str, Any]:
    """Return a user without secrets."""
    return {
        "id": user.pk,
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "time_zone": user.time_zone,
        "is_active": user.is_active,
    }


class PeopleStore:
    """Implements ``app.ports.People``."""

    def create_user(
        self, *, email: str, role: str, name: str, password: str | None, rep_id: int | None
    ) -> dict[str, Any]:
        """Create a user; InvalidInputError when the e-mail is taken or the password too weak."""
        email = email.strip().lower()
        user = User(email=email, role=role, name=name)
        problems = [] if password is None else password_problems(password, user)
        try:
            validate_email(email)
        except ValidationError:
            problems.append(
                Problem(
                    "bad-email",
                    f"'{email}' is not an e-mail address.",
                    "Write name@example.com.",
                    where="email",
                )
            )
        if User.objects.filter(email=email).exists():
            problems.append(
                Problem(
                    "email-taken", f"There is a user '{email}' already.", "Use another e-mail.", where="email"
                )
            )
        if problems:
            raise InvalidInputError("The user was not created.", problems)
        user.set_password(password)
        user.save()
        if rep_id is not None:
            Rep.objects.filter(pk=rep_id).update(user=user)
        return as_dict(user)

    def change_user(self, user_id: int, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change a user. A new password ends their sessions (the session hash changes); so does deactivation."""
        user = User.objects.select_for_update().filter(pk=user_id).first()
        if user is None:
            raise NotFoundError("There is no such user.")
        for field in USER_FIELDS:
            if field in changes:
                setattr(user, field, changes[field])
        if changes.get("password"):
            problems = password_problems(changes["password"], user)
            if problems:
                raise InvalidInputError("The password was not changed.", problems)
            user.set_password(changes["password"])
        user.version += 1
        user.save()
        if "rep_id" in changes:
            Rep.objects.filter(user=user).exclude(pk=changes["rep_id"]).update(user=None)
            Rep.objects.filter(pk=changes["rep_id"]).update(user=user)
        return as_dict(user)

    def users(self) -> list[dict[str, Any]]:
        """Return all users by e-mail, without secrets."""
        return [as_dict(user) for user in User.objects.order_by("email")]

    def create_token(
        self,
        *,
        user_id: int,
        name: str,
        digest: str,
        prefix: str,
        scopes: Sequence[str],
        expires_at: datetime,
    ) -> dict[str, Any]:
        """Keep a token's digest."""
        token = ApiToken.objects.create(
            user_id=user_id,
            name=name,
            digest=digest,
            prefix=prefix,
            scopes=list(scopes),
            expires_at=expires_at,
        )
        return {
            "id": token.pk,
            "name": name,
            "prefix": prefix,
            "scopes": list(scopes),
            "expires_at": expires_at.isoformat(),
        }

    def token_owner(self, prefix: str) -> int | None:
        """Return the user id of a token."""
        return ApiToken.objects.filter(prefix=prefix).values_list("user_id", flat=True).first()

    def revoke_token(self, *, prefix: str, at: datetime) -> dict[str, Any]:
        """Revoke by prefix; NotFoundError when there is none."""
        token = ApiToken.objects.filter(prefix=prefix).first()
        if token is None:
            raise NotFoundError(f"There is no token '{prefix}'.")
        if token.revoked_at is None:
            token.revoked_at = at
            token.save(update_fields=["revoked_at", "updated_at"])
        return {"prefix": prefix, "revoked_at": token.revoked_at.isoformat()}

    def change_company(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change the company's settings; creates it on first use."""
        row = Company.objects.order_by("id").first() or Company()
        for field in COMPANY_FIELDS:
            if field in changes:
                setattr(row, field, changes[field])
        row.version += 1 if row.pk else 0
        row.save()
        return {field: getattr(row, field) for field in COMPANY_FIELDS}
