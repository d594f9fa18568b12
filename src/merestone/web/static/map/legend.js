/**
 * The legend: the scale of the layer, and every territory with its sums. A click isolates; arrow keys walk the list.
 * @import { LayerName, MapData, Region, Sums, Territory } from "./types"
 */

import { inkOn } from "./palette.js";
import { MEASURES, classLabels, formatCount, formatMoney, formatShort, rampOf } from "./scales.js";

/**
 * @typedef {object} LegendOptions
 * @property {MapData} data
 * @property {string[]} colours
 * @property {number[]} limits
 * @property {LayerName} layer
 * @property {string | null} isolated key of a territory or region
 * @property {boolean} isDark
 */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} [children]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * @param {string} colour
 * @param {string} [text]
 */
export function swatch(colour, text = "") {
  const box = make("span", { class: "map-swatch", "aria-hidden": "true" }, [text]);
  if (colour) {
    box.style.backgroundColor = colour;
    box.style.color = inkOn(colour);
  }
  return box;
}

/**
 * @param {HTMLElement} element
 * @param {LegendOptions} options
 * @param {(key: string | null) => void} onIsolate
 */
export function drawLegend(element, options, onIsolate) {
  const { data, isolated } = options;
  const focused = element.contains(document.activeElement)
    ? document.activeElement?.getAttribute("data-key") ?? null : null;
  const list = make("ul", { class: "map-legend-list", "aria-label": "Territories, a click shows one alone" });
  data.territories.forEach((territory, place) => {
    const { region } = territory;
    const isNew = region !== null && data.territories[place - 1]?.region !== region;
    if (isNew) list.append(regionItem(data.regions[region], options));
    list.append(territoryItem(territory, place, options));
  });
  list.append(...otherItems(options));
  const heads = make("p", { class: "map-heads", "aria-hidden": "true" }, ["accounts · potential · workload"]);
  element.replaceChildren(summary(data), ...scaleItems(options), heads, list);
  walkWithArrows(list);
  list.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("button");
    const key = button?.dataset.key;
    if (key) onIsolate(key === isolated ? null : key);
  });
  const again = focused === null ? null : list.querySelector(`[data-key="${CSS.escape(focused)}"]`);
  if (again instanceof HTMLElement) {
    for (const button of list.querySelectorAll("button")) button.tabIndex = -1;
    again.tabIndex = 0;
    again.focus({ preventScroll: true });
  }
}

/** @param {MapData} data */
function summary({ total, unlocated, currency }) {
  const where = unlocated > 0 ? `; ${formatCount(unlocated)} of them have no location and are in the sums only` : "";
  return make("p", { class: "map-total" }, [
    make("strong", {}, [sumsText(total, currency)]), make("span", { class: "muted small" }, [`All you can see${where}.`]),
  ]);
}

/** @param {LegendOptions} options */
function scaleItems({ data, layer, limits, isDark }) {
  if (layer === "territory") return [];
  const { title, definition } = MEASURES[layer];
  const ramp = rampOf({ isDark });
  const scale = make("ol", { class: "map-scale" });
  classLabels(limits, layer, data.currency).forEach((label, place) => {
    scale.append(make("li", {}, [swatch(ramp[place]), label]));
  });
  scale.append(make("li", {}, [make("span", { class: "map-swatch none", "aria-hidden": "true" }), "no accounts"]));
  return [make("h3", {}, [title]), make("p", { class: "muted small" }, [definition]), scale];
}

/**
 * @param {Sums} sums
 * @param {string} currency
 */
function sumsText(sums, currency) {
  return `${formatCount(sums.accounts)} accounts · ${formatMoney(sums.potential, currency)} · ${formatShort(sums.workload)} h`;
}

/**
 * The three sums without their names, which stand above the list; screen readers hear them with each line.
 * @param {Sums} sums
 * @param {string} currency
 */
function sumsLine(sums, currency) {
  const say = (/** @type {string} */ words) => make("span", { class: "visually-hidden" }, [words]);
  return make("span", { class: "sums" }, [
    formatCount(sums.accounts), say(" accounts"), ` · ${formatMoney(sums.potential, currency)}`, say(" potential"),
    ` · ${formatShort(sums.workload)} h`, say(" workload"),
  ]);
}

/**
 * @param {Region} region
 * @param {LegendOptions} options
 */
function regionItem(region, { data, isolated }) {
  const button = make("button", {
    type: "button", "data-key": region.key, "aria-pressed": String(isolated === region.key), class: "region",
  }, [make("span", { class: "words" }, [make("span", { class: "name" }, [region.name]), sumsLine(region, data.currency)])]);
  return make("li", {}, [button]);
}

/**
 * @param {Territory} territory
 * @param {number} place
 * @param {LegendOptions} options
 */
function territoryItem(territory, place, { data, colours, layer, isolated }) {
  const box = swatch(layer === "territory" ? colours[place] : "", String(territory.number));
  const button = make("button", {
    type: "button", "data-key": territory.key, "aria-pressed": String(isolated === territory.key),
  }, [
    box,
    make("span", { class: "words" }, [
      make("span", { class: "name" }, [territory.name]),
      make("span", { class: territory.owner ? "owner" : "owner vacant" }, [territory.owner || "vacant"]),
      sumsLine(territory, data.currency),
    ]),
  ]);
  return make("li", {}, [button]);
}

/** @param {LegendOptions} options */
function otherItems({ data }) {
  const items = [];
  for (const [sums, name] of /** @type {[Sums, string][]} */ ([
    [data.unplaced, "No territory (unassigned queue)"], [data.elsewhere, "Other territories"],
  ])) {
    if (sums.accounts === 0) continue;
    items.push(make("li", { class: "other" }, [
      make("span", { class: "map-swatch hatch", "aria-hidden": "true" }),
      make("span", { class: "words" }, [make("span", { class: "name" }, [name]), sumsLine(sums, data.currency)]),
    ]));
  }
  return items;
}

/** @param {HTMLElement} list */
function walkWithArrows(list) {
  const buttons = [...list.querySelectorAll("button")];
  const current = buttons.find((button) => button.getAttribute("aria-pressed") === "true") ?? buttons[0];
  for (const button of buttons) button.tabIndex = button === current ? 0 : -1;
  list.addEventListener("keydown", (event) => {
    const from = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const to = { ArrowDown: from + 1, ArrowUp: from - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || !buttons[to]) return;
    event.preventDefault();
    buttons[from].tabIndex = -1;
    buttons[to].tabIndex = 0;
    buttons[to].focus();
  });
}
