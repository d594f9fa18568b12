"""A private PostgreSQL server for the tests: on loopback, in a folder of its own, gone afterwards (standard library only)."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Nothing here has to survive a crash, so nothing waits for the disk.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
}


def find_binaries() -> Path | None:
    """Return the folder that holds ``initdb`` and ``pg_ctl``, the newest version first; None when there is none."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    on_path = shutil.which("initdb")
    candidates = [*versions, *([Path(on_path).resolve().parent] if on_path else [])]
    return next((folder for folder in candidates if (folder / "pg_ctl").exists()), None)


def why_not() -> str:
    """Return why no server can be started here; empty when one can."""
    if find_binaries() is None:
        return "PostgreSQL is not installed (apt install postgresql)"
    if os.geteuid() == 0 and _server_user() is None:
        return "PostgreSQL does not run as root, and there is no user 'postgres' to run it as"
    return ""


@contextmanager
def private_server() -> Iterator[str]:
    """Yield the URL of a fresh server's database, whose user may create databases.

    Raises
    ------
    RuntimeError
        If no server can be started; the message holds the server's own words.
    """
    if reason := why_not():
        raise RuntimeError(reason)
    binaries, user, password = find_binaries(), _server_user(), secrets.token_hex(12)
    assert binaries is not None
    with tempfile.TemporaryDirectory(prefix="merestone-pg-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), _free_port()
        password_file = folder / "password"
        password_file.write_text(password)
        if user:
            shutil.chown(folder, user)
            shutil.chown(password_file, user)
        cluster = folder / "cluster"
        initdb = [
            str(binaries / "initdb"), "-D", str(cluster), "-U", "merestone", "--encoding=UTF8", "--locale=C",
            "--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync",
        ]  # fmt: skip
        _run(initdb, user=user, cwd=folder)
        options = " ".join(f"-c {key}={value}" for key, value in {**SETTINGS, "port": port}.items())
        control = [str(binaries / "pg_ctl"), "-D", str(cluster), "-s", "-w"]
        start = [
            *control,
            "-l",
            str(folder / "log"),
            "-o",
            f"{options} -c unix_socket_directories={folder}",
            "start",
        ]
        try:
            _run(start, user=user, cwd=folder)
            yield f"postgresql://merestone:{password}@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run(
                [*control, "-m", "immediate", "stop"], user=user, cwd=folder, capture_output=True, check=False
            )


def _server_user() -> str | None:
    """The unprivileged user a server started by root runs as; None when we are not root or there is none."""
    if os.geteuid() != 0:
        return None
    import pwd

    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None


def _run(command: list[str], *, user: str | None, cwd: Path) -> None:
    # pg_ctl leaves its server behind with our pipes open: write to a file, or we would wait for the server's end.
    with (cwd / "output").open("w+b") as output:
        done = subprocess.run(
            command, user=user, cwd=cwd, stdout=output, stderr=output, stdin=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            output.seek(0)
            log = cwd / "log"
            words = output.read().decode(errors="replace") + (log.read_text() if log.exists() else "")
            raise RuntimeError(f"{Path(command[0]).name} failed: {words.strip()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _version(folder: Path) -> int:
    digits = folder.parent.name
    return int(digits) if digits.isdigit() else 0
