/**
 * The days of the map: a slider whose steps are the days on which another model became active, and a date for any day.
 * Colours, legend and accounts change; the outlines stay.
 * @import { MapData } from "./types"
 */

/** @typedef {{ on: string, words: string }} Step */
/** @typedef {MapData & { accounts: { id: number[], territory: number[] } }} PastData */

const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const WAIT = 150;

/** @param {string} on */
export const dayWords = (on) => days.format(new Date(`${on}T00:00:00Z`));

/**
 * @param {string} url
 * @returns {(on: string) => Promise<PastData>} each day is fetched once
 */
export function pastOf(url) {
  /** @type {Map<string, Promise<PastData>>} */
  const known = new Map();
  return (on) => {
    const found = known.get(on) ?? fetch(`${url}?on=${encodeURIComponent(on)}`, {
      headers: { Accept: "application/json" }, credentials: "same-origin",
    }).then((response) => {
      if (!response.ok) throw new Error(`${on} answered ${response.status}`);
      return response.json();
    });
    known.set(on, found);
    found.catch(() => known.delete(on));
    return found;
  };
}

/**
 * @param {HTMLElement} element
 * @param {Step[]} steps oldest first, the last one is today
 * @param {{ on: string | null, choose: (on: string | null) => void }} options
 * @returns {(on: string | null, says?: string) => void} shows a day
 */
export function openTime(element, steps, { on, choose }) {
  const range = /** @type {HTMLInputElement} */ (element.querySelector("[type=range]"));
  const date = /** @type {HTMLInputElement} */ (element.querySelector("[type=date]"));
  const words = /** @type {HTMLElement} */ (element.querySelector("output"));
  const last = steps.length - 1;
  range.max = String(last);
  let timer = 0;

  /** @param {string | null} day */
  const stepAt = (day) => {
    if (!day) return last;
    let place = 0;
    steps.forEach((step, number) => {
      if (step.on && step.on <= day) place = number;
    });
    return place;
  };
  /** @param {string | null} day @param {string} [says] */
  const show = (day, says = "") => {
    const step = steps[stepAt(day)];
    range.value = String(stepAt(day));
    date.value = day ?? "";
    const text = day ? `${dayWords(day)} · ${step.words}` : "Today";
    words.textContent = says || text;
    range.setAttribute("aria-valuetext", text);
    element.classList.toggle("is-past", day !== null);
  };
  range.addEventListener("input", () => {
    const { on: day } = steps[Number(range.value)];
    show(day || null);
    clearTimeout(timer);
    timer = window.setTimeout(() => choose(day || null), WAIT);
  });
  date.addEventListener("change", () => choose(date.value && date.checkValidity() ? date.value : null));
  element.querySelector("button")?.addEventListener("click", () => choose(null));
  element.hidden = false;
  show(on);
  return show;
}
