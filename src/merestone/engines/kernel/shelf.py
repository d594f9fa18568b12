"""Rules made ready, kept on disk by the digest of their content.

Files are pickles, which can run code when read: the folder belongs to the user alone, and files of others are left
alone. A file that is damaged, foreign or of another version counts as not there.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from merestone import __version__
from merestone.engines.kernel.compiled import KernelRules

FORMAT = 2  # to be raised whenever what is kept changes its shape
MAX_KEPT = 24
_HEAD = f"merestone rules {FORMAT} {__version__}\n".encode()
_SEAL = 32  # bytes of the checksum after the head


class Shelf:
    """A folder of rules made ready.

    Parameters
    ----------
    folder : Path
        Made when it is first needed; one that is not writable keeps nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, digest: str) -> KernelRules | None:
        """Return the rules kept under a digest; None when there are none."""
        path = self._path(digest)
        try:
            if not self._is_ours(self._folder) or not self._is_ours(path):
                return None
            content = path.read_bytes()
        except OSError:
            return None
        body = memoryview(content)[len(_HEAD) + _SEAL :]
        if not content.startswith(_HEAD) or content[len(_HEAD) : len(_HEAD) + _SEAL] != sha256(body).digest():
            return None
        with suppress(OSError):
            os.utime(path)
        rules = pickle.loads(body)  # noqa: S301  # ours alone, and whole
        return rules if isinstance(rules, KernelRules) else None

    def put(self, digest: str, rules: KernelRules) -> None:
        """Keep rules under a digest; the oldest ones make room."""
        body = pickle.dumps(rules, protocol=5)
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_ours(self._folder):
                return
            handle, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
            with os.fdopen(handle, "wb") as file:
                file.write(_HEAD + sha256(body).digest())
                file.write(body)
            Path(name).replace(self._path(digest))
            self._make_room()

    def _make_room(self) -> None:
        kept = sorted(self._folder.glob("*.rules"), key=lambda path: path.stat().st_mtime)
        for path in kept[:-MAX_KEPT]:
            path.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self._folder / f"{sha256(_HEAD + digest.encode()).hexdigest()}.rules"

    @staticmethod
    def _is_ours(path: Path) -> bool:
        """Return whether nobody else could have written it."""
        if not hasattr(os, "getuid"):
            return path.exists()
        status = path.stat()
        return status.st_uid == os.getuid() and not status.st_mode & 0o022
