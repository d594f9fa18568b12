"""Checks e-mail and password."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend


class PasswordBackend(AuthenticationBackend):
    """allauth's, but a closed account is a failure like any other: it counts, and nothing tells it apart."""

    @classmethod
    def _stash_user(cls, user: Any) -> None:
        """Keep no closed account aside for a page of its own."""
