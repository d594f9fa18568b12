/**
 * What the rule does, while it is being written: figures, rivals, examples, cases.
 * @import { Case, CaseResult, Config, Counted, Example } from "./types"
 */

import { formatMoney } from "../map/scales.js";
import { button, byId, counted as many, make, whole } from "./dom.js";

export class Results {
  /** @param {Config} config @param {{ addCase: (example: Example) => void }} options */
  constructor(config, options) {
    this.config = config;
    this.options = options;
    this.strip = byId("rule-strip");
    this.busy = /** @type {HTMLElement} */ (this.strip.querySelector("[data-busy]"));
  }

  /** @param {boolean} isBusy */
  wait(isBusy) {
    this.busy.hidden = !isBusy;
    this.strip.classList.toggle("stale", isBusy);
  }

  /** @param {string} name @param {string} text */
  #figure(name, text) {
    const element = this.strip.querySelector(`[data-figure="${name}"]`);
    if (element) element.textContent = text;
  }

  clear() {
    for (const name of ["matches", "wins", "others", "revenue"]) this.#figure(name, "–");
    this.#figure("share", "");
    byId("rule-live").textContent = "The rule cannot be counted until it is right.";
  }

  /** @param {Counted} counted */
  show(counted) {
    const { currency } = this.config;
    this.#figure("matches", whole.format(counted.matches));
    this.#figure("share", counted.parent ? ` of ${whole.format(counted.parent)}${counted.parent < counted.total ? " above it" : ""}` : "");
    this.#figure("wins", counted.is_grouping ? "–" : whole.format(counted.wins));
    this.#figure("others", counted.is_primary ? whole.format(counted.matches - (counted.is_grouping ? 0 : counted.wins - counted.won_by_name)) : "–");
    this.#figure("revenue", counted.is_grouping ? "–" : formatMoney(Number(counted.won_revenue), currency));
    byId("rule-live").textContent = counted.is_grouping
      ? `A grouping: hands on ${many(counted.matches, "account")}.`
      : `${many(counted.matches, "account")} match, ${whole.format(counted.wins)} would be won.`;
    byId("rule-results").hidden = false;
    this.#rivals(counted);
    this.#examples(counted);
    const nowhere = counted.matches - counted.located;
    byId("rule-map-note").textContent = counted.matches === 0 ? "nothing to show" : nowhere > 0 ? `${many(nowhere, "account")} without coordinates` : "counties by accounts that match";
  }

  /** @param {Counted} counted */
  #rivals({ rivals, is_primary, is_grouping, won_by_name }) {
    const line = byId("rule-rivals");
    if (!is_primary || is_grouping || rivals.length === 0) {
      line.replaceChildren(...(won_by_name > 0 ? [`${many(won_by_name, "account")} won by name.`] : []));
      return;
    }
    line.replaceChildren("The rest goes to ", ...rivals.flatMap(({ territory, name, accounts }, at) => [
      at > 0 ? ", " : "",
      territory === "" ? make("em", {}, ["elsewhere"]) : territory ? make("a", { href: `../${encodeURIComponent(territory)}/` }, [name || territory]) : make("em", {}, ["the queue"]),
      ` (${whole.format(accounts)})`,
    ]), won_by_name > 0 ? `; ${whole.format(won_by_name)} of its own are won by name.` : ".");
  }

  /** @param {Counted} counted */
  #examples({ examples, matches }) {
    const place = byId("rule-examples");
    if (examples.length === 0) {
      place.replaceChildren(make("div", { class: "empty compact" }, [
        make("p", {}, ["No account matches."]),
        make("p", { class: "muted small" }, ["Each row of the builder says what it keeps by itself: the one with the least is the place to look."]),
      ]));
      return;
    }
    const rows = examples.map((row) => make("tr", {}, [
      make("td", { class: "main" }, [
        make("a", { href: this.config.urls.account.replace("/0/", `/${row.id}/`) }, [row.name]),
        make("span", { class: "muted small block" }, [[row.city, row.state].filter((part) => part).join(", ") || "no place"]),
      ]),
      make("td", { class: "end", "data-label": "Revenue" }, [row.revenue === null ? "–" : formatMoney(Number(row.revenue), this.config.currency)]),
      make("td", { "data-label": "Won by" }, [
        row.winner === this.config.territory ? make("span", { class: "badge good" }, ["this one"]) : row.winner === null ? make("em", {}, ["the queue"]) : row.winner_name,
      ]),
      make("td", { class: "end", "data-label": "Case" }, [button(`Add ${row.name} as a case`, { class: "icon-button" }, () => this.options.addCase(row), "task")]),
    ]));
    place.replaceChildren(make("div", { class: "table-wrap rule-scroll", tabindex: "0", role: "region", "aria-labelledby": "rule-examples-title" }, [
      make("table", { class: "compact cards" }, [
        make("thead", {}, [make("tr", {}, [["Account", ""], ["Revenue", "end"], ["Won by", ""], ["", ""]].map(([words, name]) =>
          make("th", { scope: "col", class: name || undefined }, [words || make("span", { class: "visually-hidden" }, ["Add as a case"])])))]),
        make("tbody", {}, rows),
      ]),
    ]), matches > examples.length ? make("p", { class: "muted small rule-more" }, [`and ${whole.format(matches - examples.length)} more, of less revenue`]) : "");
  }
}

/**
 * @param {CaseResult[]} results
 * @param {{ remove: (at: number) => void, expect: (at: number, expect: string) => void }} options
 */
export function showCases(results, { remove, expect }) {
  const place = byId("rule-cases");
  if (results.length === 0) {
    place.replaceChildren(make("div", { class: "empty compact" }, [make("p", { class: "muted" }, ["No case yet. Add one from an account in the list above: what holds today stays true."])]));
    return;
  }
  place.replaceChildren(make("ul", { class: "line-list rule-cases" }, results.map((result, at) => {
    const words = Object.entries(result.record).map(([name, value]) => `${name} ${Array.isArray(value) ? value.join("; ") : String(value)}`).join(" · ");
    const choice = make("select", { "aria-label": `Case ${result.number}: expected` }, [["match", "matches"], ["no-match", "does not match"], ["win", "is won here"]].map(([value, label]) =>
      make("option", { value, selected: value === result.expect }, [label])));
    choice.addEventListener("change", () => expect(at, choice.value));
    return make("li", {}, [
      make("span", { class: `badge ${result.passes ? "good" : "danger"}` }, [result.passes ? "passes" : "fails"]),
      make("span", { class: "grow wrap" }, [make("span", {}, [words || "an empty record"]), result.message ? make("span", { class: "small rule-why" }, [result.message]) : null]),
      choice,
      button(`Remove case ${result.number}`, { class: "icon-button" }, () => remove(at), "close"),
    ]);
  })));
}
