"""What a browser says it is, in words people know."""

from __future__ import annotations

# The first that is named counts: most browsers also name those they descend from.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "Mac"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def device_words(said: str) -> str:
    """Return browser and system in words; what nobody knows is returned as it is, shortened."""
    browser = next((word for mark, word in BROWSERS if mark in said), "")
    system = next((word for mark, word in SYSTEMS if mark in said), "")
    return (
        f"{browser} on {system}" if browser and system else browser or system or said[:40] or "Unknown device"
    )
