"""The map in a real browser: what it draws, what a click says, what the address keeps; with and without WebGL."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from playwright.sync_api import Browser, Page
from tests import builders
from tests.web.conftest import Company

from merestone.app.assign import move_accounts
from merestone.app.policy import OPERATOR

pytestmark = pytest.mark.e2e

LOS_ANGELES, KINGS_NY, HARRIS_TX = "06037", "36047", "48201"
ATTEMPTS = 40  # pictures taken while the map still draws
COUNT_COLOUR = """async ([picture, colour]) => {
  const bitmap = await createImageBitmap(await (await fetch(picture)).blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const data = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const wanted = [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
  let n = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (wanted.every((value, part) => Math.abs(value - data[i + part]) < 14)) n += 1;
  }
  return n;
}"""


@pytest.fixture
def company(company: Company) -> Company:
    """The test company with its accounts placed in three counties, two more beside the first."""
    made = company.services
    names = ["west", "east", "vacant"]
    with made.records.transaction(OPERATOR, cause="test"):
        made.records.write(
            "accounts",
            pa.table(
                {
                    "id": [company.accounts[name] for name in names],
                    "county": [LOS_ANGELES, KINGS_NY, HARRIS_TX],
                    "latitude": [34.4, 40.65, 29.76],
                    "longitude": [-118.3, -73.95, -95.37],
                    "lifecycle": ["customer", "prospect", "prospect"],
                }
            ),
        )
    near = {"state": "CA", "county": LOS_ANGELES, "latitude": 34.4, "longitude": -118.3}
    builders.add_accounts(made, [{"external_id": "B-1", **near}, {"external_id": "B-2", **near}])
    return company


@pytest.fixture
def opened(company: Company, live_server: Any) -> Callable[..., Page]:
    """Open an address as a role and wait until the map is drawn; the page must log no error."""

    def open_page(page: Page, path: str, *, role: str = "planner") -> Page:
        give_session(page, live_server.url, company.users[role])
        page.goto(live_server.url + path)
        page.wait_for_selector("#map[data-ready=true]", timeout=60_000)
        return page

    return open_page


def give_session(page: Page, url: str, user_id: int) -> None:
    """Give the browser the session of a user."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    client.force_login(get_user_model().objects.get(pk=user_id))
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": url}])


@pytest.fixture
def errors(page: Page) -> Iterator[list[str]]:
    """What the page complained about; nothing, at the end of the test."""
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    yield said
    assert [text for text in said if "favicon" not in text] == []


def swatch_colour(page: Page, key: str) -> str:
    """Return the colour of a territory in the legend as #rrggbb."""
    rgb = page.locator(f'[data-key="{key}"] .map-swatch').evaluate(
        "(box) => getComputedStyle(box).backgroundColor"
    )
    parts = rgb.removeprefix("rgb(").removesuffix(")").split(",")
    return "#" + "".join(f"{int(part):02x}" for part in parts)


def pixels_of(page: Page, colour: str) -> int:
    """Return how many pixels of the map have about this colour."""
    picture = base64.b64encode(page.locator("#map").screenshot()).decode()
    # A blank page may fetch data: addresses; the map's own policy forbids it, as it should.
    other = page.context.new_page()
    n = other.evaluate(COUNT_COLOUR, [f"data:image/png;base64,{picture}", colour])
    other.close()
    return int(n)


@pytest.mark.parametrize("path", ["/map/", "/map/?map=plain"])
def test_counties_show_the_colour_of_their_territory(
    page: Page, opened: Callable[..., Page], errors: list[str], path: str
) -> None:
    opened(page, path)
    assert page.locator("#map").get_attribute("data-renderer") == (
        "canvas" if "plain" in path else "maplibre"
    )
    page.locator("#map-points").uncheck()
    page.locator('[data-key="west"]').click()
    page.wait_for_selector("#map-card h2")
    colour = swatch_colour(page, "west")
    assert any(pixels_of(page, colour) > 2000 for _ in range(ATTEMPTS))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("map-plain", "/map/?map=plain"),
        ("map-webgl", "/map/"),
        ("map-penetration", "/map/?layer=penetration"),
        ("map-county", f"/map/?county={LOS_ANGELES}"),
    ],
)
def test_map_fits_every_screen(
    page: Page,
    opened: Callable[..., Page],
    errors: list[str],
    picture: Callable[..., None],
    name: str,
    path: str,
) -> None:
    picture(opened(page, path), name)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("map-table", "/map/?view=table"),
        ("territories", "/territories/"),
        ("territories-worst", "/territories/?order=worst"),
        ("territory", "/territories/us/"),
        ("balance", "/balance/"),
        ("models", "/models/"),
        ("model", "/models/m1/"),
        ("scorecard", "/scorecard/"),
        ("scorecard-under", "/scorecard/?under=us&period=this-year"),
    ],
)
def test_territory_pages_fit_every_screen(
    page: Page,
    company: Company,
    live_server: Any,
    errors: list[str],
    picture: Callable[..., None],
    name: str,
    path: str,
) -> None:
    give_session(page, live_server.url, company.users["planner"])
    page.goto(live_server.url + path, wait_until="networkidle")
    picture(page, name)


def test_branches_close_and_stay_closed(
    page: Page, company: Company, live_server: Any, errors: list[str]
) -> None:
    give_session(page, live_server.url, company.users["planner"])
    page.goto(f"{live_server.url}/territories/")
    west = page.get_by_role("link", name="West", exact=True)
    page.get_by_label("What is below United States").focus()
    page.keyboard.press("ArrowLeft")
    assert west.is_hidden()
    page.reload()
    assert west.is_hidden()
    page.get_by_label("What is below United States").click()
    assert west.is_visible()


def test_browser_without_webgl_draws_the_plain_map(
    browser: Browser, company: Company, live_server: Any
) -> None:
    import shutil

    other = browser.browser_type.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-webgl", "--disable-gpu"]
    )
    page = other.new_page(viewport={"width": 1200, "height": 800})
    give_session(page, live_server.url, company.users["planner"])
    page.goto(f"{live_server.url}/map/")
    page.wait_for_selector("#map[data-renderer=canvas][data-ready=true]", timeout=60_000)
    page.keyboard.press("Tab")
    page.locator("#map canvas").focus()
    before = page.locator("#map canvas").screenshot()
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.locator("#map canvas").screenshot() != before
    other.close()


def test_county_click_opens_its_card(page: Page, opened: Callable[..., Page], errors: list[str]) -> None:
    opened(page, f"/map/?map=plain&county={LOS_ANGELES}")
    card = page.locator("#map-card")
    card.locator("h2").wait_for()
    assert card.locator("h2").inner_text() == "Los Angeles, California"
    assert "West Brewing" in card.inner_text()
    card.get_by_label("Close").click()
    assert card.is_hidden()
    assert "county" not in page.url


def middle_of_map(page: Page) -> tuple[float, float]:
    """Return the middle of the map on the screen."""
    box = page.locator("#map canvas").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_click_on_a_group_of_accounts_lists_them(
    page: Page, opened: Callable[..., Page], errors: list[str], company: Company
) -> None:
    opened(page, f"/map/?map=plain&account={company.accounts['west']}")
    page.locator("#map-card h2", has_text="West Brewing").wait_for()
    page.mouse.click(*middle_of_map(page))  # three accounts lie on each other there
    card = page.locator("#map-card")
    card.locator("h2", has_text="3 accounts").wait_for()
    assert "1 customer (33 %) in 1 territory" in card.inner_text()
    card.get_by_role("link", name="West Brewing").click()
    card.locator("h2", has_text="West Brewing").wait_for()


def test_click_on_a_county_without_accounts_says_so(
    page: Page, opened: Callable[..., Page], errors: list[str]
) -> None:
    opened(page, "/map/?map=plain")
    page.mouse.click(*middle_of_map(page))
    page.locator("#map-card", has_text="No accounts here that you can see.").wait_for()
    assert "county=" in page.url


def test_isolated_territory_and_layer_survive_a_reload(
    page: Page, opened: Callable[..., Page], errors: list[str]
) -> None:
    opened(page, "/map/")
    page.locator('[data-key="east"]').click()
    page.locator('[data-layer="penetration"]').click()
    assert "territory=east" in page.url
    assert "layer=penetration" in page.url
    page.reload()
    page.wait_for_selector("#map[data-ready=true]", timeout=60_000)
    assert page.locator('[data-key="east"]').get_attribute("aria-pressed") == "true"
    assert page.locator('[data-layer="penetration"]').get_attribute("aria-pressed") == "true"
    assert "Customers ÷ accounts" in page.locator("#map-legend").inner_text()


def test_account_in_the_address_opens_its_card(
    page: Page, opened: Callable[..., Page], company: Company
) -> None:
    opened(page, f"/map/?account={company.accounts['east']}")
    page.locator("#map-card h2", has_text="East Brewing").wait_for()


def test_rep_sees_no_other_territory(page: Page, opened: Callable[..., Page], errors: list[str]) -> None:
    opened(page, "/map/", role="rep")
    assert "East" not in page.locator("#map-legend").inner_text()
    assert page.locator("#map-legend [data-key]").count() == 1


def test_legend_is_walked_with_arrow_keys(page: Page, opened: Callable[..., Page]) -> None:
    opened(page, "/map/?map=plain")
    page.locator("#map-legend button").first.focus()
    page.keyboard.press("ArrowDown")
    second = page.locator("#map-legend button").nth(1)
    assert page.evaluate("document.activeElement.dataset.key") == second.get_attribute("data-key")
    page.keyboard.press("Enter")
    assert second.get_attribute("aria-pressed") == "true"
    assert page.evaluate("document.activeElement.dataset.key") == second.get_attribute("data-key")


def test_phone_keeps_the_map_free_until_the_sheet_is_opened(
    page: Page, opened: Callable[..., Page], errors: list[str]
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, "/map/?map=plain")
    legend = page.locator("#map-legend")
    assert legend.bounding_box()["y"] > 740  # type: ignore[index]
    page.locator("#map-sheet").click()
    assert legend.bounding_box()["y"] < 700  # type: ignore[index]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_neighbours_differ_in_lightness_within_a_region(page: Page, opened: Callable[..., Page]) -> None:
    opened(page, "/map/?map=plain")
    worst = page.evaluate(
        """async () => {
      const { territoryColours } = await import("/static/map/palette.js");
      const lightness = (hex) => [1, 3, 5].map((s) => parseInt(hex.slice(s, s + 2), 16))
        .reduce((sum, value, part) => sum + value * [0.2126, 0.7152, 0.0722][part], 0) / 255;
      let worst = 1;
      for (const isDark of [false, true]) {
        // 45 territories in five regions on a 9 × 5 board, each touching the four beside it
        const territories = Array.from({ length: 45 }, (_, i) => ({ key: `t${i}`, region: i % 5 }));
        const beside = (i) => [i - 5, i + 5].filter((j) => j >= 0 && j < 45);
        const touches = territories.map((_, i) => new Set(beside(i)));
        const colours = territoryColours(territories, touches, { isDark });
        touches.forEach((others, i) => others.forEach((j) => {
          worst = Math.min(worst, Math.abs(lightness(colours[i]) - lightness(colours[j])));
        }));
      }
      return worst;
    }"""
    )
    assert worst > 0.08


def test_close_groups_are_joined_until_no_circle_touches(page: Page, opened: Callable[..., Page]) -> None:
    opened(page, "/map/?map=plain")
    n_members, touching = page.evaluate(
        """async () => {
      const { groupByGrid, joinTouching } = await import("/static/map/cluster.js");
      const n = 400;
      const xs = Float64Array.from({ length: n }, (_, i) => (i * 7919) % 1000);
      const ys = Float64Array.from({ length: n }, (_, i) => (i * 104729) % 600);
      xs[0] = NaN;
      const places = Array.from({ length: n }, (_, i) => i);
      const radius = (k) => 8 + 4 * Math.log10(k);
      const groups = joinTouching(groupByGrid({ xs, ys, places }, { size: 46 }), radius);
      let touching = 0;
      groups.forEach((a, i) => groups.slice(i + 1).forEach((b) => {
        if (Math.hypot(a.x - b.x, a.y - b.y) < radius(1) * 2) touching += 1;
      }));
      return [groups.reduce((sum, group) => sum + group.members.length, 0), touching];
    }"""
    )
    assert n_members == 399
    assert touching == 0


def test_projection_puts_alaska_and_hawaii_below_california(page: Page, opened: Callable[..., Page]) -> None:
    opened(page, "/map/?map=plain")
    places = page.evaluate(
        """async () => {
      const { unitedStates, WIDTH, HEIGHT } = await import("/static/map/projection.js");
      const cities = { seattle: [-122.3, 47.6], miami: [-80.2, 25.8], anchorage: [-149.9, 61.2],
                       honolulu: [-157.9, 21.3], sanDiego: [-117.2, 32.7], paris: [2.3, 48.9] };
      const found = Object.fromEntries(Object.entries(cities).map(([name, at]) => [name, unitedStates(...at)]));
      return { ...found, size: [WIDTH, HEIGHT] };
    }"""
    )
    assert places["paris"] is None
    assert places["seattle"][0] < places["miami"][0]
    assert places["seattle"][1] < places["miami"][1]
    for name in ("anchorage", "honolulu"):
        assert places[name][1] > places["sanDiego"][1]
    for name in ("seattle", "miami", "anchorage", "honolulu", "sanDiego"):
        assert 0 < places[name][0] < places["size"][0]
        assert 0 < places[name][1] < places["size"][1]


def test_slider_goes_back_in_time_by_keyboard(
    page: Page, company: Company, opened: Callable[..., Page], errors: list[str]
) -> None:
    """Each step is a model that was active; the words say which, and the focus stays."""
    from merestone.db.models import AccountAssociation, TerritoryModel

    now, west = company.services.clock.now(), company.accounts["west"]
    TerritoryModel.objects.update(activated_at=now - timedelta(days=300))
    AccountAssociation.objects.update(valid_from=now - timedelta(days=300))
    move_accounts(company.services, OPERATOR, [west], territory="east", reason="nearer")
    opened(page, "/map/?map=plain")
    slider = page.get_by_label("Go back to an earlier model")
    says = page.locator("#map-time output")
    assert says.inner_text() == "Today"
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**/map/?*on=*")
    page.wait_for_selector("#map-time.is-past")
    assert says.inner_text() != "Today"
    assert slider.evaluate("one => one === document.activeElement"), "the slider lost the focus"
    assert slider.get_attribute("aria-valuetext") not in (None, "", "Today")
    page.keyboard.press("End")
    page.wait_for_url(lambda url: "on=" not in url)
    assert (says.inner_text(), slider.get_attribute("aria-valuetext")) == ("Today", "Today")
