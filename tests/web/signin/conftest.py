"""People who sign in as people do, and the provider of a company with single sign-on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from tests.web.conftest import PASSWORD
from tests.web.signin import provider as oidc

from merestone.app import admin
from merestone.app.policy import OPERATOR
from merestone.app.services import Services

ROLES = ("admin", "planner", "rep")


@dataclass
class People:
    """One user per role, with ``PASSWORD``."""

    services: Services
    users: dict[str, int]

    def come_in(self, role: str = "planner", *, password: str = PASSWORD, **more: str) -> Client:
        """Return a client that tried to come in by e-mail and password."""
        client = Client()
        client.post("/sign-in/", {"email": f"{role}@example.com", "password": password, **more})
        return client


@pytest.fixture
def people(db: Any, services: Services) -> People:
    """A company with nothing but users."""
    users = {
        role: admin.create_user(
            services, OPERATOR, email=f"{role}@example.com", role=role, name=f"The {role}", password=PASSWORD
        )["id"]
        for role in ROLES
    }
    return People(services, users)


@pytest.fixture
def is_in() -> Callable[[Client], bool]:
    """Whether a client is signed in, as a page says."""
    return lambda client: client.get("/accounts/").status_code == 200


@pytest.fixture(scope="session")
def one_provider() -> Iterator[oidc.Provider]:
    """One provider for the session: its key takes a while to make."""
    with oidc.running() as found:
        yield found


@pytest.fixture
def provider(one_provider: oidc.Provider) -> oidc.Provider:
    """The provider, without a fault."""
    one_provider.__init__(issuer=one_provider.issuer, key=one_provider.key)  # type: ignore[misc]
    return one_provider
