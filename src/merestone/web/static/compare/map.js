/**
 * The map of a comparison: counties by the share of their accounts that move, or by territory before and after.
 * @import { MapData, Picture } from "../map/types"
 */

import { openCanvasView } from "../map/canvas.js";
import { boundsOf, countyTable, loadAtlas, mainland } from "../map/data.js";
import { groundOf, pictureOf } from "../map/picture.js";
import { formatCount, rampOf } from "../map/scales.js";
import { onThemeChange, readTheme } from "../map/theme.js";

/** @typedef {{ territories: { key: string, name: string, number: number }[], fips: string[], accounts: number[], moved: number[], before: number[], after: number[], shares: [number[], number[]] }} Compared */

const LIMITS = [0.1, 0.25, 0.5, 0.9];
const NOTHING = { accounts: 0, customers: 0, potential: 0, workload: 0 };

/**
 * @param {Compared} compared
 * @param {"before" | "after"} side
 * @returns {MapData} what the map of one side reads
 */
function sideOf(compared, side) {
  const none = compared.fips.map(() => 0);
  return {
    currency: "", regions: [], unplaced: NOTHING, elsewhere: NOTHING, total: NOTHING, unlocated: 0,
    territories: compared.territories.map((territory) => ({ ...territory, ...NOTHING, region: null, owner: "" })),
    counties: {
      fips: compared.fips, territory: compared[side], share: compared.shares[side === "before" ? 0 : 1],
      accounts: compared.accounts, customers: none, potential: none, workload: none,
    },
  };
}

/** @param {number} share */
const stepOf = (share) => LIMITS.filter((limit) => share >= limit).length;

/** @param {HTMLElement} element */
async function open(element) {
  const { data = "", counties = "", topojson = "" } = element.dataset;
  /** @type {[Compared, Awaited<ReturnType<typeof loadAtlas>>]} */
  const [compared, atlas] = await Promise.all([
    fetch(data, { credentials: "same-origin" }).then((response) => {
      if (!response.ok) throw new Error(`The comparison answered ${response.status}`);
      return response.json();
    }),
    loadAtlas({ counties, topojson }),
  ]);
  const grounds = Object.fromEntries(["before", "after"].map((side) => {
    const columns = sideOf(compared, /** @type {"before" | "after"} */ (side));
    return [side, groundOf(atlas, columns, countyTable(atlas, columns))];
  }));
  let shown = "changed";

  /** @returns {Picture} */
  const picture = () => {
    const theme = readTheme(element);
    const drawn = pictureOf(grounds[shown === "before" ? "before" : "after"], { layer: "territory", isolated: null, theme });
    if (shown !== "changed") return drawn;
    const ramp = rampOf(theme);
    const fills = new Map();
    compared.fips.forEach((fips, place) => {
      if (compared.moved[place] > 0) fills.set(fips, ramp[stepOf(compared.moved[place] / compared.accounts[place])]);
    });
    return { ...drawn, fills, hatched: new Set(), labels: [] };
  };
  const inside = new Set(compared.fips);
  const box = boundsOf(mainland(atlas.counties.filter(({ id }) => inside.has(id))));
  const view = openCanvasView({
    element, atlas, accounts: { lifecycles: [], id: [], lon: [], lat: [], territory: [], lifecycle: [] }, picture: picture(),
    bounds: !box || box[2] - box[0] > 50 ? [-124.9, 24.4, -66.8, 49.5] : box,
    isSmall: true, covered: () => 0, onHit: () => {}, onHover: () => {},
  });
  const key = document.querySelector("[data-key]");
  const draw = () => {
    view.draw(picture());
    key?.replaceChildren(...keyItems(shown, compared, element));
  };
  for (const button of document.querySelectorAll("[data-show]")) {
    button.addEventListener("click", () => {
      shown = button.getAttribute("data-show") ?? "changed";
      for (const other of document.querySelectorAll("[data-show]")) other.setAttribute("aria-pressed", String(other === button));
      draw();
    });
  }
  onThemeChange(draw);
  draw();
  element.dataset.ready = "true";
}

/**
 * @param {string} shown
 * @param {Compared} compared
 * @param {HTMLElement} element
 * @returns {Node[]}
 */
function keyItems(shown, compared, element) {
  if (shown !== "changed") {
    const used = new Set(compared[shown === "before" ? "before" : "after"]);
    return compared.territories.filter((_, place) => used.has(place)).map(({ number, name }) => item(`${number} ${name}`));
  }
  const ramp = rampOf(readTheme(element));
  const moved = compared.moved.reduce((sum, n) => sum + n, 0);
  const labels = ["under 10 %", "10–25 %", "25–50 %", "50–90 %", "90 % and more"];
  return [
    item(`${formatCount(moved)} accounts move in ${formatCount(compared.moved.filter((n) => n > 0).length)} counties; share of a county’s accounts:`),
    ...labels.map((label, place) => item(label, ramp[place])),
  ];
}

/**
 * @param {string} text
 * @param {string} [colour]
 */
function item(text, colour) {
  const element = document.createElement("span");
  if (colour) {
    const box = document.createElement("i");
    box.style.backgroundColor = colour;
    element.append(box);
  }
  element.append(text);
  return element;
}

for (const element of document.querySelectorAll("[data-compare-map]")) {
  open(/** @type {HTMLElement} */ (element)).catch((error) => {
    console.warn("The map of the comparison could not be drawn.", error);
    element.textContent = "The map could not be drawn; the tables say the same.";
  });
}
