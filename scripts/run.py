"""What ``./run`` does (standard library only): builds the environment, then starts, tests or checks Merestone.

    ./run [demo] [--no-serve] [--port N] [--data-dir D] …   the demo company, served; options go to `merestone demo`
    ./run setup                                             only builds .venv and the assets
    ./run test [PYTEST OPTIONS]                             the whole suite, on SQLite and on PostgreSQL
    ./run check                                             style, types, import contracts, migrations, JavaScript types

What was built is remembered in .venv as a hash over the lock files, so a second start builds nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import check
import environment
import suite

USAGE = (__doc__ or "").split("\n\n")[1]


def main(arguments: list[str]) -> int:
    """Return the exit code: 0 done, 1 the answer is no, 2 wrong use."""
    if arguments and arguments[0] in {"-h", "--help", "help"}:
        print(USAGE)
        return 0
    command, rest = (
        (arguments[0], arguments[1:]) if arguments and arguments[0][0] != "-" else ("demo", arguments)
    )
    if command not in {"demo", "setup", "test", "check"} or (command in {"setup", "check"} and rest):
        print(f"run: '{' '.join(arguments)}' is not one of its commands.\n\n{USAGE}", file=sys.stderr)
        return 2
    try:
        return _do(command, rest)
    except environment.SetupError as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _do(command: str, rest: list[str]) -> int:
    if command == "test":
        return suite.run(rest)
    environment.build(for_development=command == "check")
    if command == "check":
        return check.run()
    if command == "demo":
        return environment.start_program(["demo", *rest])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
