"""The server: one process tree with the web pages, the API and a worker."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading

from merestone.base.errors import UnavailableError

WARM_AFTER_SECONDS = 5.0  # the first pages come before

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merestone.boot.settings")


def __getattr__(name: str) -> object:
    # The WSGI application is made where it is asked for, so that importing this module stays free of Django.
    if name == "application":
        from django.core.wsgi import get_wsgi_application

        application = get_wsgi_application()
        start_warming()
        return application
    raise AttributeError(name)


def serve(*, host: str, port: int, workers: int, sign_ins: bool) -> None:
    """Serve until interrupted, with one worker for jobs beside the server."""
    require_free(host, port)
    print_address(host, port, sign_ins=sign_ins)
    worker = subprocess.Popen([sys.executable, "-m", "merestone.boot", "worker"])
    try:
        from granian.constants import Interfaces
        from granian.server import Server

        Server(
            "merestone.boot.server:application",
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            workers=workers,
            blocking_threads=min(4, os.cpu_count() or 1),
            log_access=False,
        ).serve()
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=10)


def start_warming() -> None:
    """Make the first look at a rule change as quick as the next: load the kernel and the book a little after the start."""
    timer = threading.Timer(WARM_AFTER_SECONDS, warm)
    timer.daemon = True
    timer.start()


def warm() -> None:
    """Load the kernel and the kept book, and match it by the active model; what fails here fails again where it is seen."""
    from django.db import connection

    from merestone.app.matched import placed
    from merestone.app.rulebook import rule_book
    from merestone.boot.services import services

    try:
        active = services().models.active()
        if active is not None:
            placed(services(), rule_book(services(), active[1]), services().book.accounts())
    except Exception:
        logging.getLogger(__name__).info("The server could not be warmed.", exc_info=True)
    finally:
        connection.close()


def require_free(host: str, port: int) -> None:
    """Raise UnavailableError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UnavailableError(
                f"Port {port} on {host} is not free.",
                code="port-taken",
                fix=f"Choose another: --port {port + 1}.",
            ) from error


def print_address(host: str, port: int, *, sign_ins: bool) -> None:
    """Tell where to look, and with which sign-ins; the demo's sign-in page shows them too."""
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1") else host  # noqa: S104
    sys.stderr.write(f"\nMerestone serves http://{shown}:{port}/   (stop with Ctrl-C)\n")
    if sign_ins:
        from merestone.boot.demo.load import sign_ins as demo_sign_ins

        people = demo_sign_ins()
        os.environ["MERESTONE_DEMO_SIGN_INS"] = json.dumps(people)  # for the server's processes
        for person in people:
            sys.stderr.write(f"  {person['role']:<12} {person['email']:<32} {person['password']}\n")
    sys.stderr.write("\n")
    sys.stderr.flush()
