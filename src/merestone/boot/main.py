"""The composition root of the command line: opens databases, runs the server, hands both to the commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from merestone.base.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from merestone.app.policy import Actor
    from merestone.app.services import Services


class LocalProgram:
    """Implements ``cli.context.Program``."""

    def __init__(self) -> None:
        self.is_open = False

    def open(self, data_dir: Path | None, database: str | None, *, migrate: bool = True) -> Services:
        """Point the process at a database, bring its schema up to date and return the services."""
        if not self.is_open:
            self._setup(data_dir, database)
            self.is_open = True
        from merestone.boot import schema
        from merestone.boot.services import services

        if migrate:
            schema.bring_up_to_date()
        return services()

    def _setup(self, data_dir: Path | None, database: str | None) -> None:
        if data_dir is not None:
            os.environ["MERESTONE_DATA_DIR"] = str(data_dir)
        if database is not None:
            os.environ["MERESTONE_DATABASE"] = database
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merestone.boot.settings")
        folder = Path(os.environ.get("MERESTONE_DATA_DIR", "var"))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"The data folder '{folder}' cannot be made: {error.strerror}.", code="bad-data-dir"
            ) from error
        import django

        django.setup()

    def actor(self, email: str | None) -> Actor:
        """Return the actor for ``--as``; the operator when empty."""
        from merestone.app.policy import OPERATOR

        if not email:
            return OPERATOR
        from merestone.db.models import User
        from merestone.db.queries.actors import actor_of_user

        user = User.objects.filter(email=email.lower(), is_active=True).first()
        if user is None:
            raise NotFoundError(f"There is no active user '{email}'.", fix="`merestone user list` shows all.")
        return actor_of_user(user)

    def demo(
        self, services: Services, *, seed: int, progress: Callable[[int, int, str], None]
    ) -> dict[str, Any]:
        """Load and build the demo company; returns the summary."""
        from merestone.boot.demo.load import load_demo

        return load_demo(services, seed=seed, progress=progress)

    def serve(self, *, host: str, port: int, workers: int, sign_ins: bool) -> None:
        """Serve until interrupted."""
        from merestone.boot.server import serve

        serve(host=host, port=port, workers=workers, sign_ins=sign_ins)

    def work(self, *, once: bool) -> int:
        """Run queued jobs; returns how many."""
        from merestone.boot.tasks import work

        return work(once=once)

    def local(self) -> Any:
        """Return matcher, files and gazetteer without a database."""
        from merestone.boot.local import local_services

        return local_services()

    def doctor(self) -> list[tuple[str, bool, str]]:
        """Return (check, is fine, detail) of the installation."""
        from merestone.boot.doctor import checks

        return checks()


class _WithoutPandas:
    """Lets pandas seem not to be installed.

    Arrow loads it, if it can, only to see whether a list is a column of it: a third of a second of a short command.
    """

    def find_spec(self, fullname: str, *_: Any, **__: Any) -> None:
        """Refuse pandas, and leave all else to others."""
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not needed here", name=fullname)


def main() -> None:
    """Run the ``merestone`` program."""
    if sys.argv[1:2] == ["match"] and "spark" not in sys.argv:
        sys.meta_path.insert(0, _WithoutPandas())
    from merestone.cli.app import run

    sys.exit(run(LocalProgram()))
