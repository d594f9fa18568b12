"""Template tags and filters of the web face."""

from __future__ import annotations

from django import template

register = template.Library()
