/**
 * The workspace: keeps the map, the tables, the selection and the server in step with the plan.
 * @import { MapView, Picture } from "../map/types"
 * @import { Answer, Config, LayerName, Line, ScenarioData, Step, ToolName } from "./types"
 */

import { openCanvasView } from "../map/canvas.js";
import { boundsOf, loadAtlas, mainland } from "../map/data.js";
import { hasWebGl, openGlView } from "../map/gl.js";
import { make } from "../map/legend.js";
import { formatCount } from "../map/scales.js";
import { onThemeChange, readTheme } from "../map/theme.js";
import { BalanceTable } from "./balance.js";
import { coloursOf, huesOf, touching } from "./colours.js";
import { listenToKeys } from "./keys.js";
import { OptimisePanel } from "./optimise.js";
import { bordersOf, groundOf, labelsOf, pictureOf } from "./picture.js";
import { Sheet } from "./select.js";
import { NOBODY, Plan, worstOf } from "./state.js";
import { Refusal, Sync, ask } from "./sync.js";
import { startTabs } from "./tabs.js";
import { UnitTable } from "./units.js";
import { count, percent, short } from "./words.js";

const ANNOUNCE_AFTER = 400;
/** @type {[number, number, number, number]} */
const LOWER_48 = [-124.9, 24.4, -66.8, 49.5];
/** @type {LayerName[]} */
const LAYERS = ["territory", "balance", "moves"];

/**
 * @param {string} id
 * @returns {any}
 */
const byId = (id) => document.getElementById(id);

class Workspace {
  /**
   * @param {Config} config
   * @param {ScenarioData} data
   */
  constructor(config, data) {
    this.config = config;
    this.plan = new Plan(data, config.noun);
    this.can = data.can;
    /** @type {Set<number>} */
    this.selected = new Set();
    this.isAdding = false;
    this.isBusy = false;
    const query = new URLSearchParams(location.search);
    this.layer = LAYERS.find((layer) => layer === query.get("layer")) ?? "territory";
    const isolated = data.territories.findIndex(({ key }) => key === query.get("territory"));
    /** @type {number | null} */
    this.isolated = isolated < 0 ? null : isolated;
    /** @type {number[]} */
    this.hues = new Array(this.plan.k).fill(-1);
    this.lines = this.plan.lines();
    /** @type {MapView | null} */
    this.view = null;
    /** @type {import("./picture.js").Ground | null} */
    this.ground = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.saying = undefined;
    this.frame = 0;
    this.theme = readTheme(byId("planning"));
    this.#recolour();
    this.sync = new Sync(config, data.revision, {
      onAnswer: (answer) => this.#answered(answer),
      onState: (state, waiting) => this.#syncState(state, waiting),
      onRefusal: (refusal) => void this.#refused(refusal),
    });
    const sort = query.get("sort") ?? "worst";
    this.balance = new BalanceTable(byId("balance-table"), {
      config, plan: () => this.plan, sort: { key: sort, isDown: query.get("order") !== "up" },
      onIsolate: (territory) => this.isolate(territory),
      onSort: () => { this.#drawTables(); this.#remember(); },
    });
    this.units = new UnitTable({
      config, plan: () => this.plan, selected: () => this.selected, colours: () => this.colours ?? [],
      onSelect: (selected) => this.select(selected),
    });
    this.optimise = new OptimisePanel({
      config, plan: () => this.plan, selected: () => this.selected,
      start: (options) => this.#optimise(options), stop: () => this.#stop(),
      changed: (job) => this.#jobChanged(job !== null),
      settings: (settings) => this.#settings(settings),
      failed: (words) => this.#tell(words, { isError: true }),
    });
    this.#wire();
    this.#drawBook();
    this.optimise.report(data.report);
    if (this.isolated !== null) this.units.isolate(this.isolated);
    this.#drawTables();
    this.#drawBar();
    if (data.job) this.optimise.follow(data.job);
    else if (data.failed) this.#tell(`The last work failed: ${data.failed.error}`, { isError: true });
  }

  async openMap() {
    const { urls } = this.config;
    const atlas = await loadAtlas(urls);
    this.ground = groundOf(atlas, this.plan);
    this.#redoLines();
    const options = {
      element: byId("map"), atlas, picture: this.#picture(), bounds: this.#home(), isSmall: true, covered: () => 0, top: 112,
      accounts: { lifecycles: [], id: [], lon: [], lat: [], territory: [], lifecycle: [] },
      onHit: (/** @type {import("../map/types").Hit} */ hit) => this.#clicked(hit.kind === "county" ? hit.fips : null, false),
      onHover: (/** @type {string | null} */ fips, /** @type {number} */ x, /** @type {number} */ y) => this.#hovered(fips, x, y),
    };
    const isPlain = new URLSearchParams(location.search).get("map") === "plain" || !hasWebGl();
    if (!isPlain) {
      try {
        this.view = await openGlView(options, { ...urls, data: "", accounts: "", card: "", past: "" });
      } catch (error) {
        console.warn("The WebGL map did not start; drawing the plain one.", error);
        options.element.replaceChildren();
      }
    }
    this.view ??= openCanvasView(options);
    options.element.dataset.renderer = this.view.name;
    this.sheet = new Sheet(options.element, {
      view: () => this.view,
      onClick: (fips, isAdding) => this.#clicked(fips, isAdding),
      onArea: (isInside, isAdding) => this.#area(isInside, isAdding),
    });
    onThemeChange(() => {
      this.theme = readTheme(byId("planning"));
      this.#recolour();
      this.#drawTables();
      this.draw();
    });
    this.draw();
  }

  #home() {
    const inside = this.ground?.atlas.counties.filter(({ id }) => this.ground?.unitAt.has(id)) ?? [];
    const box = boundsOf(mainland(inside));
    return !box || box[2] - box[0] > 50 ? LOWER_48 : box;
  }

  #recolour() {
    this.hues = huesOf(touching(this.plan), this.hues);
    this.colours = coloursOf(this.hues, this.theme);
  }

  #redoLines() {
    if (!this.ground) return;
    this.borders = bordersOf(this.ground, this.plan);
    this.labels = labelsOf(this.ground, this.plan);
  }

  /** @returns {Picture} */
  #picture() {
    const { layer, colours, isolated, selected, theme, lines } = this;
    return pictureOf(this.plan, {
      layer, colours: colours ?? [], isolated, selected, theme, lines,
      borders: this.borders ?? { type: "MultiLineString", coordinates: [] }, labels: this.labels ?? [],
    });
  }

  /** Draws the map with the next frame, however often it is asked for. */
  draw() {
    if (!this.view || this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.view?.draw(this.#picture());
    });
  }

  /**
   * After a change of the plan: sums, tables, colours, borders, and what is said.
   * @param {string} words
   */
  changed(words) {
    const start = performance.now();
    this.lines = this.plan.lines();
    this.#recolour();
    this.#redoLines();
    this.#drawTables();
    this.#drawBar();
    this.draw();
    performance.measure("planning-shown", { start, end: performance.now() });
    this.#say(`${words}. ${this.#summary()}`);
  }

  #drawTables() {
    this.lines = this.plan.lines();
    this.balance.draw(this.lines, { colours: this.colours ?? [], isolated: this.isolated });
    if (!byId("panel-units").hidden) this.units.draw();
    const { nobodys, moved } = this.plan;
    const worst = worstOf(this.lines);
    const broken = this.lines.filter(({ pieces }) => pieces > 1).length;
    const facts = [
      ["Worst deviation", worst ? `${(100 * worst.worst).toFixed(1)} %` : "–"],
      ["In pieces", formatCount(broken)], ["Nobody’s", formatCount(nobodys)], ["Moved", formatCount(moved)],
    ];
    byId("planning-facts").replaceChildren(...facts.map(([name, value]) =>
      make("div", {}, [make("dt", {}, [name]), make("dd", {}, [value])])));
    const can = this.#now();
    for (const verb of /** @type {const} */ (["undo", "redo"])) {
      const button = byId(`planning-${verb}`);
      button.disabled = can[verb] === null || this.isBusy;
      button.title = can[verb] === null ? `Nothing to ${verb}` : `${verb === "undo" ? "Undo" : "Redo"}: ${can[verb]}`;
    }
  }

  /** What can be undone and redone: what was done here, else what the server remembers. */
  #now() {
    const { undo, redo } = this.plan.can;
    return { undo: undo ?? this.can.undo, redo: redo ?? this.can.redo };
  }

  #summary() {
    const worst = worstOf(this.lines);
    if (!worst) return "";
    const { territories, measures } = this.plan.data;
    const place = this.plan.counted.reduce((most, each) =>
      Math.abs((worst.index[each] ?? 100) - 100) > Math.abs((worst.index[most] ?? 100) - 100) ? each : most);
    const off = (worst.index[place] ?? 100) / 100 - 1;
    const broken = this.lines.filter(({ pieces }) => pieces > 1).map(({ territory }) => territories[territory].name);
    const pieces = broken.length === 0 ? "" : ` In pieces: ${broken.slice(0, 3).join(", ")}${broken.length > 3 ? ` and ${broken.length - 3} more` : ""}.`;
    return `Farthest from the mean: ${territories[worst.territory].name}, ${percent(off)} ${measures[place].label.toLowerCase()}.${pieces}`;
  }

  /** @param {string} words */
  #say(words) {
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { byId("planning-live").textContent = words; }, ANNOUNCE_AFTER);
  }

  // --- selecting ---

  /** @param {Set<number>} selected */
  select(selected) {
    this.selected = selected;
    this.#drawBar();
    if (!byId("panel-units").hidden) this.units.draw();
    this.optimise.drawRegion();
    this.draw();
  }

  /**
   * @param {string | null} fips
   * @param {boolean} isAdding
   */
  #clicked(fips, isAdding) {
    const unit = fips === null ? undefined : this.ground?.unitAt.get(fips);
    const adds = isAdding || this.isAdding;
    if (unit === undefined) {
      if (!adds) this.select(new Set());
      return;
    }
    const selected = adds ? new Set(this.selected) : new Set();
    const wasOnly = this.selected.size === 1 && this.selected.has(unit);
    if (adds ? selected.has(unit) : wasOnly) selected.delete(unit);
    else selected.add(unit);
    this.select(selected);
  }

  /**
   * @param {(point: [number, number]) => boolean} isInside
   * @param {boolean} isAdding
   */
  #area(isInside, isAdding) {
    const selected = isAdding || this.isAdding ? new Set(this.selected) : new Set();
    this.ground?.middles.forEach((place, unit) => {
      const point = place && this.view?.toScreen(place[0], place[1]);
      const isShown = this.isolated === null || this.plan.territory[unit] === this.isolated;
      if (point && isShown && isInside(point)) selected.add(unit);
    });
    this.select(selected);
    this.#say(`${count(selected.size, this.config.noun)} selected`);
  }

  /** @param {number | null} territory */
  isolate(territory) {
    this.isolated = territory;
    this.units.isolate(territory);
    this.#drawTables();
    this.draw();
    this.#remember();
  }

  #drawBar() {
    const bar = byId("planning-bar");
    const { data } = this.plan;
    bar.hidden = this.selected.size === 0;
    if (bar.hidden) return;
    const amounts = this.plan.amountsOf(this.selected);
    const said = data.measures.slice(0, 3).map((measure, place) => {
      const text = short(amounts[place], measure, this.config.currency);
      return `${text} ${measure.label.toLowerCase()}`;
    });
    byId("planning-selection").replaceChildren(make("strong", {}, [count(this.selected.size, this.config.noun)]), `, ${said.join(", ")}`);
    const locked = [...this.selected].filter((unit) => this.plan.locked[unit]).length;
    byId("planning-locked").textContent = locked > 0 ? `${formatCount(locked)} locked` : "";
    byId("planning-lock").hidden = locked === this.selected.size;
    byId("planning-unlock").hidden = locked === 0;
    for (const field of bar.querySelectorAll("button, select")) field.disabled = this.isBusy && field.id !== "planning-clear";
  }

  // --- changing ---

  /** @param {number} territory */
  assign(territory) {
    if (this.#isStopped()) return;
    const start = performance.now();
    const step = this.plan.assign(this.selected, territory);
    performance.measure("planning-state", { start, end: performance.now() });
    if (!step) {
      this.#tell(this.selected.size === 0 ? "Nothing is selected." : "They are there already, or locked.");
      return;
    }
    const kept = this.selected.size - step.units.length;
    this.changed(step.words);
    if (kept > 0) this.#tell(`${step.words}; ${formatCount(kept)} stay, being locked or there already.`);
    this.sync.send({ verb: "assign", body: { units: [...step.units], territory: territory < 0 ? null : territory } });
  }

  /** @param {boolean} isLocked */
  lock(isLocked) {
    if (this.#isStopped()) return;
    const step = this.plan.lock(this.selected, isLocked);
    if (!step) return;
    this.changed(step.words);
    this.sync.send({ verb: "lock", body: { units: [...step.units], is_locked: isLocked } });
  }

  /** @param {"undo" | "redo"} verb */
  walk(verb) {
    const words = this.#now()[verb];
    if (words === null || this.#isStopped()) return;
    const said = `${verb === "undo" ? "Undone" : "Done again"}: ${words}`;
    const step = verb === "undo" ? this.plan.undo() : this.plan.redo();
    if (step) {
      this.changed(said);
      this.sync.send({ verb, body: {} });
      return;
    }
    // Done before this page was opened: only the server knows what it was.
    this.#setBusy(true);
    this.sync.send({ verb, body: {}, done: (answer) => {
      this.plan.learn(answer.changed, verb, words);
      this.#setBusy(false);
      this.changed(said);
    } });
  }

  #drawBook() {
    byId("planning-stale").hidden = !this.plan.data.book.is_stale;
  }

  /** Takes the amounts anew; the plan stays. */
  #refresh() {
    if (this.#isStopped()) return;
    this.#setBusy(true);
    this.sync.send({ verb: "refresh", body: {}, done: (answer) => {
      this.#setBusy(false);
      const said = [answer.new && `${count(answer.new, this.config.noun)} new`, answer.gone && `${count(answer.gone, this.config.noun)} gone`];
      void this.reload().then(() => this.#tell(["The book was read anew", ...said.filter(Boolean)].join(", ") + "."));
    } });
  }

  #isStopped() {
    if (!this.isBusy) return false;
    this.#tell(this.optimise.job ? "The optimiser is at work. Stop it, or wait, to change the plan by hand." : "One moment.");
    return true;
  }

  /** @param {boolean} isBusy */
  #setBusy(isBusy) {
    this.isBusy = isBusy;
    this.#drawTables();
    this.#drawBar();
  }

  /** @param {Answer} answer */
  #answered(answer) {
    if (answer.can) this.can = answer.can;
    if (this.sync.changes.length > 0 || !answer.changed) return;
    if (this.plan.apply(answer.changed) > 0) {
      this.plan.forget();
      this.changed("The server changed that a little");
    } else this.#drawTables();
  }

  /** @param {Refusal} refusal */
  async #refused(refusal) {
    const isStale = refusal.code === "scenario-changed";
    await this.reload();
    this.#tell(isStale
      ? "Somebody else changed this scenario meanwhile. What you see now is how it stands; your last change was not kept."
      : [refusal.message, ...refusal.problems.map(({ message }) => message), refusal.fix].filter(Boolean).join(" "), { isError: !isStale });
  }

  /** Takes everything from the server anew; what is selected stays selected. */
  async reload() {
    try {
      /** @type {ScenarioData} */
      const data = await ask(this.config.urls.data);
      this.plan = new Plan(data, this.config.noun);
      this.can = data.can;
      this.sync.restart(data.revision);
      this.#drawBook();
      this.optimise.report(data.report);
      if (data.job && !this.optimise.job) this.optimise.follow(data.job);
      this.#setBusy(this.optimise.job !== null);
      this.changed("The scenario was loaded again");
    } catch (error) {
      console.warn(error);
      this.#tell("The scenario could not be loaded again. Reload the page.", { isError: true });
    }
  }

  /** @param {Record<string, unknown>} settings */
  #settings(settings) {
    Object.assign(this.plan.data.settings, settings);
    this.#drawTables();
    this.draw();
    this.sync.send({ verb: "settings", body: settings });
  }

  /** @param {Record<string, unknown>} options */
  #optimise(options) {
    if (this.#isStopped()) return;
    this.#setBusy(true);
    this.sync.send({ verb: "optimise", body: options, done: ({ job }) => {
      this.optimise.follow(typeof job === "object" ? job : { id: job, share: 0, stage: "", cost: null, bound: null, gap: null });
      this.#say("The optimiser has begun.");
    } });
  }

  async #stop() {
    try {
      await ask(`${this.config.urls.post}stop/`, { csrf: this.config.csrf, body: {} });
    } catch (error) {
      console.warn(error);
      this.#tell("The stop did not reach the server. Try again.", { isError: true });
      byId("optimise-stop").disabled = false;
    }
  }

  /** @param {boolean} isRunning */
  #jobChanged(isRunning) {
    const was = this.isBusy;
    this.#setBusy(isRunning);
    if (was && !isRunning) void this.reload();
  }

  /**
   * @param {import("./sync.js").SyncState} state
   * @param {number} waiting
   */
  #syncState(state, waiting) {
    const box = byId("planning-sync");
    box.dataset.state = state;
    byId("planning-sync-words").textContent = state === "saved" ? "Saved" : state === "saving" ? "Saving…"
      : `Not saved yet: ${waiting} ${waiting === 1 ? "change waits" : "changes wait"} for the network`;
    byId("planning-retry").hidden = state !== "waiting";
  }

  /**
   * @param {string} words
   * @param {{ isError?: boolean }} [options]
   */
  #tell(words, { isError = false } = {}) {
    const box = byId("planning-note");
    byId("planning-note-words").textContent = words;
    box.classList.toggle("danger", isError);
    box.hidden = false;
  }

  /**
   * @param {string | null} fips
   * @param {number} x
   * @param {number} y
   */
  #hovered(fips, x, y) {
    const box = byId("map-hover");
    const unit = fips === null ? undefined : this.ground?.unitAt.get(fips);
    box.hidden = unit === undefined;
    if (unit === undefined) return;
    const { data } = this.plan;
    const territory = this.plan.territory[unit];
    const live = this.plan.live[unit];
    const name = (/** @type {number} */ place) => (place < 0 ? "nobody" : `${place + 1} ${data.territories[place].name}`);
    const amounts = data.measures.map((measure, place) =>
      `${short(this.plan.amounts[place][unit], measure, this.config.currency)} ${measure.label.toLowerCase()}`);
    box.replaceChildren(
      make("strong", {}, [`${data.units.name[unit]}, ${data.units.state[unit]}`]),
      make("span", {}, [`${name(territory)}${this.plan.locked[unit] ? ", locked" : ""}`]),
      make("span", { class: "muted" }, [amounts.slice(0, 3).join(" · ")]),
      ...(live === territory ? [] : [make("span", { class: "muted" }, [`today: ${name(live)}`])]),
    );
    const isRight = x > byId("map").clientWidth - 240;
    box.style.transform = `translate(${isRight ? x - 12 : x + 14}px, ${y + 14}px) translateX(${isRight ? "-100%" : "0"})`;
  }

  #remember() {
    const query = new URLSearchParams(location.search);
    const { key, isDown } = this.balance.sort;
    const entries = {
      layer: this.layer === "territory" ? "" : this.layer,
      territory: this.isolated === null ? "" : this.plan.data.territories[this.isolated].key,
      sort: key === "worst" ? "" : key, order: isDown ? "" : "up", tab: this.tab === "balance" ? "" : this.tab ?? "",
    };
    for (const [name, value] of Object.entries(entries)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    const text = query.toString();
    history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
  }

  #wire() {
    const select = /** @type {HTMLSelectElement} */ (byId("planning-to"));
    this.plan.data.territories.forEach(({ name }, place) => {
      select.append(make("option", { value: String(place) }, [`${place + 1} ${name}`]));
    });
    select.append(make("option", { value: String(NOBODY) }, ["Nobody"]));
    const click = (/** @type {string} */ id, /** @type {() => void} */ act) => byId(id)?.addEventListener("click", act);
    click("planning-assign", () => this.assign(Number(select.value)));
    click("planning-lock", () => this.lock(true));
    click("planning-unlock", () => this.lock(false));
    click("planning-clear", () => this.select(new Set()));
    click("planning-undo", () => this.walk("undo"));
    click("planning-redo", () => this.walk("redo"));
    click("planning-refresh", () => this.#refresh());
    click("planning-retry", () => this.sync.retry());
    click("planning-note-close", () => { byId("planning-note").hidden = true; });
    click("planning-adding", () => {
      this.isAdding = !this.isAdding;
      byId("planning-adding").setAttribute("aria-pressed", String(this.isAdding));
    });
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.addEventListener("click", () => this.use(/** @type {ToolName} */ (button.getAttribute("data-tool"))));
    }
    for (const button of document.querySelectorAll("[data-layer]")) {
      button.addEventListener("click", () => {
        this.layer = LAYERS.find((layer) => layer === button.getAttribute("data-layer")) ?? "territory";
        this.#pressLayer();
        this.draw();
        this.#remember();
      });
    }
    this.#pressLayer();
    for (const button of document.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.view?.zoomBy(Number(button.getAttribute("data-zoom"))));
    }
    click("planning-home", () => this.view?.fit(this.#home()));
    this.tab = startTabs(byId("planning-tabs"), new URLSearchParams(location.search).get("tab"), (tab) => {
      this.tab = tab;
      this.#drawTables();
      this.#remember();
    });
    listenToKeys({
      undo: () => this.walk("undo"), redo: () => this.walk("redo"), lock: () => this.lock(true),
      assign: (place) => {
        if (place < this.plan.k && this.selected.size > 0) this.assign(place);
      },
      choose: () => { if (this.selected.size > 0) select.focus(); },
      clear: () => { if (!this.sheet?.cancel()) this.select(new Set()); },
    });
    select.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // else the list opens
      this.assign(Number(select.value));
    });
  }

  #pressLayer() {
    for (const button of document.querySelectorAll("[data-layer]")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-layer") === this.layer));
    }
    for (const key of document.querySelectorAll("[data-key-of]")) {
      /** @type {HTMLElement} */ (key).hidden = key.getAttribute("data-key-of") !== this.layer;
    }
  }

  /** @param {ToolName} tool */
  use(tool) {
    this.sheet?.use(tool);
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-tool") === tool));
    }
  }
}

async function start() {
  /** @type {Config} */
  const config = JSON.parse(byId("planning-config").textContent ?? "{}");
  const status = byId("map-status");
  try {
    const data = await ask(config.urls.data);
    const workspace = new Workspace(config, data);
    byId("planning").dataset.ready = "tables";
    if (data.unit_kind === "county") {
      await workspace.openMap();
      await workspace.view?.settled();
      status.hidden = true;
    } else status.textContent = "These units have no outlines to draw. The tables do everything.";
    byId("planning").dataset.ready = "true";
  } catch (error) {
    console.error(error);
    status.textContent = "The scenario could not be loaded. Reload the page to try again.";
  }
}

start();
