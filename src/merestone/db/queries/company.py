"""The company's settings."""

from __future__ import annotations

from merestone.db.models import Company


def company() -> Company:
    """Return the company, or one with defaults before ``merestone init``."""
    return Company.objects.order_by("id").first() or Company()
