/**
 * The panel that lets the computer work: what to aim at, how even it has to be, where it may change things, for how
 * long; then how far it is, with a stop that stops.
 * @import { Config, Job, Report } from "./types"
 * @import { Plan } from "./state.js"
 */

import { make } from "../map/legend.js";
import { formatCount, formatShort } from "../map/scales.js";
import { Refusal, ask } from "./sync.js";
import { count, duration } from "./words.js";

const EVERY = 1000;
/** @type {Record<string, string>} */
const REASONS = {
  optimal: "proved to be the best there is",
  finished: "all its steps were made",
  "time limit": "the time was up",
  cancelled: "you stopped it",
};

/**
 * @param {string} id
 * @returns {any}
 */
const byId = (id) => document.getElementById(id);

export class OptimisePanel {
  /**
   * @param {{
   *   config: Config, plan: () => Plan, selected: () => Set<number>,
   *   start: (options: Record<string, unknown>) => void, stop: () => void, changed: (job: Job | null) => void,
   *   failed: (words: string) => void,
   *   settings: (settings: Record<string, unknown>) => void,
   * }} options
   */
  constructor(options) {
    this.options = options;
    this.form = /** @type {HTMLFormElement} */ (byId("optimise-form"));
    this.progress = byId("optimise-progress");
    /** @type {Job | null} */
    this.job = null;
    this.#fill();
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      options.start(this.read());
    });
    this.form.addEventListener("change", (event) => {
      const field = /** @type {Element} */ (event.target);
      if (field.closest("[data-settings]")) options.settings(this.#settings());
      this.drawRegion();
    });
    byId("optimise-stop").addEventListener("click", () => {
      byId("optimise-stop").disabled = true;
      byId("optimise-stage").textContent = "Stopping; the best so far is kept.";
      options.stop();
    });
  }

  #fill() {
    const { data } = this.options.plan();
    const { settings, measures, territories } = data;
    const list = byId("optimise-balances");
    list.replaceChildren(...measures.map(({ key, label }) => {
      const balance = settings.balances.find(({ measure }) => measure === key);
      const box = make("input", { type: "checkbox", name: "balance", value: key, id: `balance-${key}` });
      box.checked = balance !== undefined;
      const field = make("input", {
        type: "number", name: `tolerance-${key}`, min: "0.1", max: "1000", step: "any", "aria-label": `${label}: per cent around the mean`,
        value: String(Number((100 * (balance?.tolerance ?? 0.1)).toFixed(2))),
      });
      return make("li", {}, [box, make("label", { for: `balance-${key}` }, [label]), "±", field, "%"]);
    }));
    for (const name of /** @type {const} */ (["objective", "weight"])) {
      const field = this.form.elements.namedItem(name);
      if (field instanceof HTMLSelectElement && settings[name]) field.value = settings[name];
    }
    const contiguous = this.form.elements.namedItem("contiguous");
    if (contiguous instanceof HTMLInputElement) contiguous.checked = settings.contiguous;
    byId("optimise-territories").replaceChildren(...territories.map(({ name }, place) =>
      make("label", {}, [make("input", { type: "checkbox", name: "region-territory", value: String(place) }), `${place + 1} ${name}`])));
    this.drawRegion();
  }

  drawRegion() {
    const region = new FormData(this.form).get("region");
    byId("optimise-territories").hidden = region !== "territories";
    const n = this.options.selected().size;
    byId("optimise-selected").textContent = n === 0 ? "nothing is selected yet" : count(n, this.options.config.noun);
    const box = this.form.querySelector("input[value=units]");
    if (box instanceof HTMLInputElement) {
      box.disabled = n === 0;
      if (n === 0 && box.checked) {
        box.checked = false;
        const all = this.form.querySelector("input[value=all]");
        if (all instanceof HTMLInputElement) all.checked = true;
      }
    }
  }

  #settings() {
    const given = new FormData(this.form);
    const balances = given.getAll("balance").map((measure) => ({
      measure: String(measure), tolerance: Number(given.get(`tolerance-${measure}`)) / 100,
    })).filter(({ tolerance }) => tolerance > 0);
    return { objective: given.get("objective"), weight: given.get("weight"), contiguous: given.get("contiguous") === "on", balances };
  }

  /** What the form says, as the server reads it. */
  read() {
    const given = new FormData(this.form);
    const region = given.get("region");
    return {
      seconds: Number(given.get("seconds")),
      homes: given.get("homes") === "on",
      region: region === "territories" ? { territories: given.getAll("region-territory").map(Number) }
        : region === "units" ? { units: [...this.options.selected()].sort((a, b) => a - b) } : "all",
    };
  }

  /**
   * Follows a job until it ends.
   * @param {Job} job
   */
  follow(job) {
    this.#show(job);
    this.options.changed(job);
    const look = async () => {
      try {
        const answer = await ask(this.options.config.urls.job);
        if (answer.job) this.#show(answer.job);
        else {
          this.finish(answer.report ?? null);
          if (answer.failed) this.options.failed(answer.failed.error);
          return;
        }
      } catch (error) {
        if (error instanceof Refusal && error.status < 500) {
          this.finish(null);
          return;
        }
        byId("optimise-stage").textContent = "The server cannot be reached for the moment; the work goes on there.";
      }
      setTimeout(look, EVERY);
    };
    setTimeout(look, EVERY);
  }

  /** @param {Report | null} report */
  finish(report) {
    this.#show(null);
    this.report(report);
    this.options.changed(null);
  }

  /** @param {Job | null} job */
  #show(job) {
    if (job && this.job === null) byId("optimise-stop").disabled = false;
    this.job = job;
    this.form.hidden = job !== null;
    this.progress.hidden = job === null;
    if (!job) return;
    const bar = byId("optimise-bar");
    if (job.share === null || job.share === undefined) bar.removeAttribute("value");
    else bar.value = job.share;
    const stop = byId("optimise-stop");
    if (!stop.disabled) byId("optimise-stage").textContent = job.stage || "Waiting for a worker";
    byId("optimise-cost").textContent = number(job.cost);
    byId("optimise-bound").textContent = number(job.bound);
    byId("optimise-gap").textContent = gap(job.gap);
  }

  /** @param {Report | null} report */
  report(report) {
    const box = byId("optimise-report");
    box.hidden = report === null;
    if (!report) return;
    const reason = report.stop_reason ? REASONS[report.stop_reason] ?? report.stop_reason : "";
    const facts = [
      ["Cost", number(report.cost)], ["At best", number(report.bound)], ["Gap", gap(report.gap)],
      ["Time", report.seconds === null || report.seconds === undefined ? "–" : duration(report.seconds)],
    ];
    box.replaceChildren(
      make("h3", {}, ["Last run"]),
      ...(report.is_feasible === false ? [make("p", { class: "small" }, ["No plan was found that keeps to everything asked; this is the one that is off the least."])] : []),
      ...(report.is_current === false ? [make("p", { class: "small muted" }, ["Changed by hand since: these figures are of the plan as it was."])] : []),
      make("dl", { class: "facts narrow" }, facts.map(([name, value]) =>
        make("div", {}, [make("dt", {}, [name]), make("dd", {}, [value])]))),
      ...(reason ? [make("p", { class: "small muted" }, [`It ended because ${reason}.`.replace("because proved", "as it was proved")])] : []),
    );
  }
}

/** @param {number | null | undefined} value */
const number = (value) => (value === null || value === undefined ? "–" : Math.abs(value) >= 100_000 ? formatShort(value) : formatCount(value));
/** @param {number | null | undefined} value */
const gap = (value) => (value === null || value === undefined ? "–" : value < 5e-5 ? "0 %" : `${(100 * value).toFixed(2)} %`);
