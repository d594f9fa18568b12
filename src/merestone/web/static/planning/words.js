/**
 * How amounts, indices and deviations are written.
 * @import { PlanMeasure } from "./types"
 */

import { formatCount, formatMoney, formatShort } from "../map/scales.js";

const MONEY = new Set(["money", "currency"]);

/**
 * @param {number} value
 * @param {PlanMeasure} measure
 * @param {string} currency
 */
export function short(value, { unit }, currency) {
  if (MONEY.has(unit)) return formatMoney(value, currency);
  if (unit === "h" || unit === "hours") return `${formatShort(value)} h`;
  return Math.abs(value) < 100_000 ? formatCount(value) : formatShort(value);
}

/**
 * The full value, for hover.
 * @param {number} value
 * @param {PlanMeasure} measure
 * @param {string} currency
 */
export function full(value, { unit, label }, currency) {
  const sign = MONEY.has(unit) ? ` ${currency}` : unit === "h" || unit === "hours" ? " hours" : "";
  return `${label}: ${formatCount(Math.round(value))}${sign}`;
}

/** @param {number} share */
export const percent = (share) => `${share > 0 ? "+" : share < 0 ? "−" : "±"}${(100 * Math.abs(share)).toFixed(1)} %`;

/**
 * `1 county`, `3,142 counties`.
 * @param {number} n
 * @param {[string, string]} noun
 */
export const count = (n, [one, many]) => `${formatCount(n)} ${n === 1 ? one : many}`;

/**
 * @param {number} seconds
 */
export function duration(seconds) {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
