/**
 * Where what matches lies: counties by how many of them match, and the accounts as dots. A picture; the list says the same.
 * @import { AccountColumns, Atlas, MapView, Picture } from "../map/types"
 * @import { Config, Counted } from "./types"
 */

import { openCanvasView } from "../map/canvas.js";
import { boundsOf, loadAtlas, mainland } from "../map/data.js";
import { breaks, classOf, rampOf } from "../map/scales.js";
import { onThemeChange, readTheme } from "../map/theme.js";

/** Around more counties than this a border is no help. */
const MAX_BORDERED = 500;
const NOTHING = /** @type {import("geojson").MultiLineString} */ ({ type: "MultiLineString", coordinates: [] });
const LOWER_48 = /** @type {[number, number, number, number]} */ ([-124.9, 24.4, -66.8, 49.5]);

export class MatchMap {
  /** @param {HTMLElement} element @param {Config["urls"]} urls */
  constructor(element, urls) {
    this.element = element;
    this.urls = urls;
    /** @type {Promise<Atlas> | null} */
    this.atlas = null;
    /** @type {MapView | null} */
    this.view = null;
    /** @type {Counted | null} */
    this.counted = null;
    onThemeChange(() => this.#draw());
  }

  /** @param {Counted} counted */
  async show(counted) {
    this.counted = counted;
    this.atlas ??= loadAtlas(this.urls);
    await this.atlas;
    if (this.counted === counted) await this.#draw();
  }

  async #draw() {
    if (!this.counted || !this.atlas) return;
    const atlas = await this.atlas;
    const { counted } = this;
    const inside = atlas.counties.filter(({ id }) => counted.counties[id]);
    const bounds = boundsOf(mainland(inside));
    const accounts = columns(counted);
    this.view?.destroy();
    this.view = openCanvasView({
      element: this.element, atlas, accounts, picture: this.#picture(atlas, counted), isSmall: true, covered: () => 0,
      bounds: !bounds || bounds[2] - bounds[0] > 50 ? LOWER_48 : padded(bounds), onHit: () => {}, onHover: () => {},
    });
    const canvas = this.element.querySelector("canvas");
    canvas?.removeAttribute("tabindex");
    canvas?.removeAttribute("role");
    canvas?.setAttribute("aria-hidden", "true");
    canvas?.removeAttribute("aria-label");
    this.view.showAccounts(accounts.id);
    this.element.dataset.ready = "true";
  }

  /** @param {Atlas} atlas @param {Counted} counted @returns {Picture} */
  #picture(atlas, counted) {
    const theme = readTheme(this.element);
    const ramp = rampOf(theme);
    const limits = breaks(Object.values(counted.counties), "potential");
    const fills = new Map(Object.entries(counted.counties).map(([fips, n]) => [fips, ramp[classOf(n, limits)]]));
    const borders = fills.size > 0 && fills.size <= MAX_BORDERED ? atlas.borders((a, b) => fills.has(a) !== fills.has(b)) : NOTHING;
    return { layer: "potential", fills, hatched: new Set(), faded: new Set(), borders, labels: [], theme };
  }
}

/** @param {[number, number, number, number]} box @returns {[number, number, number, number]} */
function padded([west, south, east, north]) {
  const x = Math.max(0.6, (east - west) * 0.08);
  const y = Math.max(0.4, (north - south) * 0.08);
  return [west - x, south - y, east + x, north + y];
}

/** @param {Counted} counted @returns {AccountColumns} */
function columns({ points }) {
  return {
    lifecycles: ["other", "customer"], id: points.lat.map((_, place) => place), lon: points.lon, lat: points.lat,
    territory: points.lat.map(() => 0), lifecycle: points.won.map((won) => (won ? 1 : 0)),
  };
}
