"""The browser the end-to-end tests look through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e


def test_browser_draws_with_webgl(page: Page) -> None:
    page.set_content("<canvas width=2 height=2></canvas>")
    pixel = page.evaluate(
        """() => {
            const gl = document.querySelector('canvas').getContext('webgl2');
            gl.clearColor(1, 0, 0, 1);
            gl.clear(gl.COLOR_BUFFER_BIT);
            const pixel = new Uint8Array(4);
            gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
            return [...pixel];
        }"""
    )
    assert pixel == [255, 0, 0, 255]
