/**
 * The small map on a territory's page: its counties among all, and its accounts. A picture, not a tool: the link around
 * it leads to the map.
 * @import { AccountColumns, MapData } from "./types"
 */

import { openCanvasView } from "./canvas.js";
import { boundsOf, countyTable, loadAtlas, mainland } from "./data.js";
import { groundOf, pictureOf } from "./picture.js";
import { onThemeChange, readTheme } from "./theme.js";

/** @param {HTMLElement} element */
async function drawMini(element) {
  const { keys = "", data: dataUrl = "", accounts: accountsUrl = "", counties = "", topojson = "" } = element.dataset;
  const own = new Set(keys.split(" "));
  /** @type {[MapData, AccountColumns, Awaited<ReturnType<typeof loadAtlas>>]} */
  const [data, accounts, atlas] = await Promise.all([
    fetch(dataUrl).then((response) => response.json()),
    fetch(accountsUrl).then((response) => response.json()),
    loadAtlas({ counties, topojson }),
  ]);
  const isolated = new Set(data.territories.flatMap((territory, place) => (own.has(territory.key) ? [place] : [])));
  const table = countyTable(atlas, data);
  const ground = groundOf(atlas, data, table);
  const isOwn = (/** @type {string} */ fips) => isolated.has(ground.around.get(fips) ?? -1);
  const borders = atlas.borders((a, b) => isOwn(a) !== isOwn(b));
  const picture = () => {
    const drawn = pictureOf(ground, { layer: "territory", isolated, theme: readTheme(element) });
    for (const fips of drawn.faded) drawn.fills.delete(fips);
    drawn.hatched.clear();
    return { ...drawn, borders, faded: new Set(), labels: [] };
  };
  const inside = atlas.counties.filter(({ id }) => isolated.has(table.get(id)?.territory ?? -1));
  const places = accounts.id.flatMap((_, place) => (isolated.has(accounts.territory[place]) ? [place] : []));
  const view = openCanvasView({
    element, atlas, accounts, picture: picture(), bounds: boundsOf(mainland(inside)) ?? [-124.9, 24.4, -66.8, 49.5],
    isSmall: true, covered: () => 0, onHit: () => {}, onHover: () => {},
  });
  element.querySelector("canvas")?.removeAttribute("tabindex");
  element.querySelector("canvas")?.setAttribute("aria-hidden", "true");
  view.showAccounts(places);
  onThemeChange(() => view.draw(picture()));
}

for (const element of document.querySelectorAll("[data-mini-map]")) {
  drawMini(/** @type {HTMLElement} */ (element)).catch((error) => {
    console.warn("The small map could not be drawn.", error);
    element.textContent = "Open the map";
  });
}
