/**
 * The map page: loads, draws, and keeps map, legend, card and address in step.
 * @import { AccountColumns, Config, Hit, MapView, ViewOptions } from "./types"
 * @import { Ground } from "./picture.js"
 * @import { State } from "./state.js"
 */

import { openCanvasView } from "./canvas.js";
import { hideCard, showCard } from "./card.js";
import { boundsOf, countyTable, load, mainland } from "./data.js";
import { hasWebGl, openGlView } from "./gl.js";
import { drawLegend, make } from "./legend.js";
import { groundOf, pictureOf } from "./picture.js";
import { formatCount, formatShare, formatValue, valueOf } from "./scales.js";
import { LAYERS, readState, writeState } from "./state.js";
import { onThemeChange, readTheme } from "./theme.js";
import { openTime, pastOf } from "./time.js";

/** @type {[number, number, number, number]} */
const LOWER_48 = [-124.9, 24.4, -66.8, 49.5];
/** @type {Record<string, [number, number, number, number]>} */
const PLACES = { "lower-48": LOWER_48, alaska: [-170, 52, -130, 71.5], hawaii: [-160.4, 18.8, -154.6, 22.4] };
const CLUSTER_LIST = 25;
/** Where an account is on a day before it had a place. */
const NOT_YET = -3;

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}`);
  return element;
}

class Page {
  /**
   * @param {Config} config
   * @param {Ground} ground
   * @param {AccountColumns} accounts
   */
  constructor(config, ground, accounts) {
    this.config = config;
    this.ground = ground;
    this.accounts = accounts;
    this.present = { ground, territory: accounts.territory };
    this.past = pastOf(config.urls.past);
    /** @type {(on: string | null, says?: string) => void} */
    this.showDay = () => {};
    this.state = readState(location.search);
    this.element = byId("map");
    this.card = byId("map-card");
    this.legend = byId("map-legend");
    this.hover = byId("map-hover");
    this.hasPoints = true;
    this.picture = this.#picture();
    /** @type {MapView | null} */
    this.view = null;
  }

  async open() {
    const options = this.#viewOptions();
    const isPlain = new URLSearchParams(location.search).get("map") === "plain" || !hasWebGl();
    if (!isPlain) {
      try {
        this.view = await openGlView(options, this.config.urls);
      } catch (error) {
        console.warn("The WebGL map did not start; drawing the plain one.", error);
        this.element.replaceChildren();
      }
    }
    this.view ??= openCanvasView(options);
    this.element.dataset.renderer = this.view.name;
    this.#wire();
    this.#apply();
    if (this.config.steps.length > 1) {
      this.showDay = openTime(byId("map-time"), this.config.steps, { on: this.state.on, choose: (on) => this.#goTo(on) });
    }
    if (this.state.on) await this.#goTo(this.state.on);
    if (this.state.territory) this.#fitIsolated();
    if (this.state.account !== null) this.#showAccount(this.state.account, { fit: true });
    else if (this.state.county) this.#showCounty(this.state.county);
    else if (this.state.territory) this.#showTerritory(this.state.territory);
  }

  /** Indices of the territories shown alone; null = all. */
  get isolated() {
    const { territories, regions } = this.ground.data;
    const key = this.state.territory;
    if (!key) return null;
    const region = regions.findIndex((each) => each.key === key);
    const found = territories.flatMap((territory, place) =>
      territory.key === key || (region >= 0 && territory.region === region) ? [place] : []);
    return found.length > 0 ? new Set(found) : null;
  }

  #picture() {
    const { layer } = this.state;
    return pictureOf(this.ground, { layer, isolated: this.isolated, theme: readTheme(this.element) });
  }

  /** @returns {ViewOptions} */
  #viewOptions() {
    return {
      element: this.element,
      atlas: this.ground.atlas,
      accounts: this.accounts,
      picture: this.picture,
      bounds: this.#home(),
      covered: () => this.#covered(),
      onHit: (hit) => this.#hit(hit),
      onHover: (fips, x, y) => this.#hovered(fips, x, y),
    };
  }

  /** The open sheet of a phone lies over the map; its height is known before it is shown. */
  #covered() {
    const isSheet = getComputedStyle(byId("map-sheet")).display !== "none";
    const isOpen = byId("map-sheet").getAttribute("aria-expanded") === "true";
    return isSheet && isOpen ? this.element.clientHeight * 0.45 : 0;
  }

  /** All counties with accounts; the lower 48 states when they reach over most of the country. */
  #home() {
    const inside = this.ground.atlas.counties.filter(({ id }) => (this.ground.counties.get(id)?.accounts ?? 0) > 0);
    const box = boundsOf(mainland(inside));
    return !box || box[2] - box[0] > 50 ? LOWER_48 : box;
  }

  /** Draws everything anew from the state. */
  #apply() {
    this.picture = this.#picture();
    this.view?.draw(this.picture);
    this.view?.showAccounts(this.#shownAccounts());
    this.view?.select({ county: this.state.county, account: this.state.account });
    drawLegend(this.legend, {
      data: this.ground.data, colours: this.picture.colours, limits: this.picture.limits, layer: this.state.layer,
      isolated: this.state.territory, isDark: this.picture.theme.isDark,
    }, (key) => this.#isolate(key));
    for (const button of document.querySelectorAll("[data-layer]")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-layer") === this.state.layer));
    }
    history.replaceState(null, "", location.pathname + writeState(this.state, location.search) + location.hash);
    const table = document.getElementById("map-table-link");
    if (table instanceof HTMLAnchorElement && this.state.territory) {
      table.search = `?view=table&territory=${encodeURIComponent(this.state.territory)}`;
    } else if (table instanceof HTMLAnchorElement) table.search = "?view=table";
  }

  /**
   * Shows a day: the outlines stay, territories, sums and accounts' places change.
   * @param {string | null} on null = today
   */
  async #goTo(on) {
    this.state = { ...this.state, on };
    this.showDay(on);
    if (on === null) {
      this.#take(this.present.ground, this.present.territory);
      return;
    }
    try {
      const past = await this.past(on);
      if (this.state.on !== on) return; // another day was chosen meanwhile
      const { atlas } = this.ground;
      const then = new Map(past.accounts.id.map((id, place) => [id, past.accounts.territory[place]]));
      this.#take(groundOf(atlas, past, countyTable(atlas, past)), this.accounts.id.map((id) => then.get(id) ?? NOT_YET));
    } catch (error) {
      console.error(error);
      this.showDay(on, "That day could not be loaded.");
    }
  }

  /**
   * @param {Ground} ground
   * @param {number[]} territory
   */
  #take(ground, territory) {
    this.ground = ground;
    this.accounts = { ...this.accounts, territory };
    this.#apply();
  }

  #shownAccounts() {
    if (!this.hasPoints) return [];
    const { isolated } = this;
    const places = this.accounts.id.map((_, place) => place).filter((place) => this.accounts.territory[place] !== NOT_YET);
    return isolated ? places.filter((place) => isolated.has(this.accounts.territory[place])) : places;
  }

  /** @param {Partial<State>} change */
  #set(change) {
    this.state = { ...this.state, ...change };
    this.#apply();
  }

  /** @param {string | null} key */
  #isolate(key) {
    this.#set({ territory: key, account: null, county: null });
    if (key === null) {
      hideCard(this.card);
      this.view?.fit(this.#home());
      return;
    }
    this.#fitIsolated();
    this.#showTerritory(key);
  }

  #fitIsolated() {
    const { isolated } = this;
    if (!isolated) return;
    const own = this.ground.atlas.counties.filter(({ id }) => isolated.has(this.ground.counties.get(id)?.territory ?? -1));
    const box = boundsOf(mainland(own));
    if (box) this.view?.fit(box);
  }

  /** @param {Hit} hit */
  #hit(hit) {
    if (hit.kind === "county") this.#showCounty(hit.fips);
    else if (hit.kind === "account") this.#showAccount(hit.id);
    else if (hit.kind === "cluster") this.#showCluster(hit.members, hit.zoomIn);
    else this.#close();
  }

  /** @param {string} fips */
  #showCounty(fips) {
    this.#set({ county: fips, account: null });
    this.#card({ county: fips, name: this.#countyName(fips) });
  }

  /**
   * @param {number} id
   * @param {{ fit?: boolean }} [options]
   */
  #showAccount(id, { fit = false } = {}) {
    const place = this.accounts.id.indexOf(id);
    this.#openSheet(true);
    if (fit && place >= 0) {
      const [lon, lat] = [this.accounts.lon[place], this.accounts.lat[place]];
      this.view?.fit([lon - 0.6, lat - 0.45, lon + 0.6, lat + 0.45]);
    }
    this.#set({ account: id, county: null });
    this.#card({ account: String(id) });
  }

  /** @param {string} key */
  #showTerritory(key) {
    this.#card({ territory: key });
  }

  /**
   * @param {number[]} members
   * @param {() => void} zoomIn
   */
  #showCluster(members, zoomIn) {
    this.#set({ account: null, county: null });
    const { lifecycle, lifecycles, territory, id } = this.accounts;
    const customers = members.filter((place) => lifecycles[lifecycle[place]] === "customer").length;
    const territories = new Set(members.map((place) => territory[place])).size;
    const button = make("button", { type: "button", class: "button small" }, ["Zoom in"]);
    button.addEventListener("click", zoomIn);
    const lead = make("div", { class: "map-card-lead" }, [
      make("h2", {}, [`${formatCount(members.length)} accounts`]),
      make("p", { class: "muted small" }, [
        `${formatCount(customers)} ${customers === 1 ? "customer" : "customers"} (${formatShare(customers / members.length)}) in ${territories} ${territories === 1 ? "territory" : "territories"}`,
      ]),
      button,
    ]);
    const ids = members.slice(0, CLUSTER_LIST).map((place) => id[place]);
    this.#card({ ids: ids.join(","), n: String(members.length) }, [lead]);
  }

  /**
   * @param {Record<string, string>} parameters
   * @param {Node[]} [lead]
   */
  #card(parameters, lead = []) {
    const address = `${this.config.urls.card}?${new URLSearchParams(parameters)}`;
    const note = this.state.on ? [make("p", { class: "badge warning" }, ["This card shows today"])] : [];
    showCard(this.card, address, { lead: [...note, ...lead], onClose: () => this.#close() });
    this.#openSheet(true);
  }

  /**
   * On a phone the legend and the card are a sheet over the map; elsewhere this changes nothing one sees.
   * @param {boolean} isOpen
   */
  #openSheet(isOpen) {
    this.element.closest(".map-page")?.classList.toggle("sheet-open", isOpen);
    byId("map-sheet").setAttribute("aria-expanded", String(isOpen));
  }

  #close() {
    hideCard(this.card);
    this.#openSheet(false);
    if (this.state.account !== null || this.state.county !== null) this.#set({ account: null, county: null });
  }

  /** @param {string} fips */
  #countyName(fips) {
    const county = this.ground.counties.get(fips);
    return county ? `${county.name}, ${county.state}` : fips;
  }

  /**
   * @param {string | null} fips
   * @param {number} x
   * @param {number} y
   */
  #hovered(fips, x, y) {
    const county = fips ? this.ground.counties.get(fips) : undefined;
    this.hover.hidden = !county;
    if (!county) return;
    const { data } = this.ground;
    const value = valueOf(county, this.state.layer);
    const territory = county.territory !== null && county.territory >= 0 ? data.territories[county.territory] : null;
    const near = data.territories[this.ground.around.get(county.fips) ?? -1];
    const what = county.accounts === 0 ? `no accounts${near ? `; around it: ${near.number} ${near.name}` : ""}`
      : value !== null ? formatValue(value, this.state.layer, data.currency)
        : territory ? `${territory.number} ${territory.name}` : "no territory";
    this.hover.replaceChildren(make("strong", {}, [this.#countyName(county.fips)]), make("span", {}, [what]));
    const isRight = x > this.element.clientWidth - 220;
    this.hover.style.transform = `translate(${isRight ? x - 12 : x + 14}px, ${y + 14}px) translateX(${isRight ? "-100%" : "0"})`;
  }

  #wire() {
    for (const button of document.querySelectorAll("[data-layer]")) {
      button.addEventListener("click", () => {
        const layer = LAYERS.find((name) => name === button.getAttribute("data-layer"));
        if (layer) this.#set({ layer });
      });
    }
    for (const button of document.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.view?.zoomBy(Number(button.getAttribute("data-zoom"))));
    }
    for (const button of document.querySelectorAll("[data-place]")) {
      button.addEventListener("click", () => {
        const name = button.getAttribute("data-place") ?? "";
        this.view?.fit(name === "home" ? this.#home() : PLACES[name]);
      });
    }
    const points = document.getElementById("map-points");
    points?.addEventListener("change", () => {
      this.hasPoints = /** @type {HTMLInputElement} */ (points).checked;
      this.view?.showAccounts(this.#shownAccounts());
    });
    byId("map-sheet").addEventListener("click", () => {
      this.#openSheet(byId("map-sheet").getAttribute("aria-expanded") !== "true");
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.card.hidden) this.#close();
    });
    addEventListener("popstate", () => {
      this.state = readState(location.search);
      this.#goTo(this.state.on);
    });
    onThemeChange(() => this.#apply());
  }
}

async function start() {
  const status = byId("map-status");
  /** @type {Config} */
  const config = JSON.parse(byId("map-config").textContent ?? "{}");
  try {
    const { data, accounts, atlas } = await load(config.urls);
    const page = new Page(config, groundOf(atlas, data, countyTable(atlas, data)), accounts);
    await page.open();
    status.hidden = true;
    await page.view?.settled();
    byId("map").dataset.ready = "true";
  } catch (error) {
    console.error(error);
    status.textContent = "The map could not be loaded. The table shows the same figures.";
  }
}

start();
