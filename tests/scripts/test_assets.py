"""What is copied out of node_modules."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import assets


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A node_modules folder with a few bytes of every file that is asked for."""
    folder = tmp_path / "node_modules"
    patterns = [source for source, _ in (*assets.BROWSER_FILES, *assets.GAZETTEER_FILES, assets.POSTAL_CODES)]
    for pattern in [*patterns, *(f"{package}/LICENSE" for package in assets.LICENCES)]:
        file = folder / pattern.replace("*", "index")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("let a = 1;\n//# sourceMappingURL=index.js.map\n")
    return folder


def test_build_leaves_no_source_map_comment_for_the_manifest_to_miss(tmp_path: Path, modules: Path) -> None:
    written = assets.build(tmp_path, modules=modules)
    scripts = [path.read_text() for path in written if path.suffix in {".js", ".mjs"}]
    assert scripts
    assert all(text == "let a = 1;\n" for text in scripts)


def test_build_clears_files_of_an_older_build(tmp_path: Path, modules: Path) -> None:
    assets.build(tmp_path, modules=modules)
    stale = tmp_path / assets.VENDOR / "old.js"
    stale.touch()
    assets.build(tmp_path, modules=modules)
    assert not stale.exists()
    assert assets.is_built(tmp_path)


def test_postal_codes_are_the_same_bytes_on_each_build(tmp_path: Path, modules: Path) -> None:
    target = tmp_path / assets.POSTAL_CODES[1]
    assets.build(tmp_path, modules=modules)
    first = target.read_bytes()
    assets.build(tmp_path, modules=modules)
    assert target.read_bytes() == first
    assert gzip.decompress(first) == (modules / assets.POSTAL_CODES[0]).read_bytes()


def test_missing_package_is_named(tmp_path: Path, modules: Path) -> None:
    (modules / "us-atlas" / "counties-10m.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"us-atlas.counties-10m\.json"):
        assets.build(tmp_path, modules=modules)
