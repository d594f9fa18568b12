"""Audit by database triggers: every changed field of every row, whoever wrote it and however."""

from __future__ import annotations

from typing import Any


def install_after_migrate(**kwargs: Any) -> None:
    """Create the triggers anew from the models; called after each migration."""
