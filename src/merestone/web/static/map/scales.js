/**
 * Classes of a choropleth, stated in the legend, and how numbers are written.
 * @import { County, LayerName } from "./types"
 */

/** Share classes are fixed so that two maps compare; money and hours take quintiles of the counties shown. */
const SHARE_BREAKS = [0.1, 0.2, 0.3, 0.5];
const CLASSES = 5;

/** Five steps from little to much; much always stands out against the page. */
const RAMPS = {
  light: ["#e7efe9", "#b4d5cb", "#72b0aa", "#36808c", "#174a66"],
  dark: ["#22383f", "#2b5a63", "#36828a", "#6cb3a8", "#c4e6c9"],
};

/** @param {{ isDark: boolean }} theme */
export const rampOf = ({ isDark }) => (isDark ? RAMPS.dark : RAMPS.light);

/** @type {Record<Exclude<LayerName, "territory">, { title: string, definition: string }>} */
export const MEASURES = {
  potential: { title: "Potential", definition: "Money the county’s accounts could bring in a year; fifths of the counties with accounts." },
  workload: { title: "Workload", definition: "Hours a year the county’s accounts need; fifths of the counties with accounts." },
  penetration: { title: "Penetration", definition: "Customers ÷ accounts in the county; fixed steps." },
};

/**
 * @param {County} county
 * @param {LayerName} layer
 * @returns {number | null} null when the county has no accounts
 */
export function valueOf(county, layer) {
  if (county.accounts === 0 || layer === "territory") return null;
  return layer === "penetration" ? county.customers / county.accounts : county[layer];
}

/**
 * @param {number[]} values
 * @param {LayerName} layer
 * @returns {number[]} rising inner limits of the classes, each the least value of its class
 */
export function breaks(values, layer) {
  if (layer === "penetration") return SHARE_BREAKS;
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  const limits = [];
  for (let step = 1; step < CLASSES && sorted.length > 0; step += 1) {
    limits.push(roundNicely(sorted[Math.floor((step * sorted.length) / CLASSES)]));
  }
  return [...new Set(limits)].filter((limit) => limit > 0);
}

/**
 * @param {number} value
 * @param {number[]} limits
 */
export function classOf(value, limits) {
  let place = 0;
  while (place < limits.length && value >= limits[place]) place += 1;
  return place;
}

/** @param {number} value */
function roundNicely(value) {
  if (value <= 0) return 0;
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Math.round(value / unit) * unit;
}

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
/** @type {Record<string, string>} */
const SIGNS = { USD: "$", EUR: "€", GBP: "£", JPY: "¥", CAD: "CA$", AUD: "A$" };
/** @type {[number, string][]} */
const UNITS = [[1e9, "bn"], [1e6, "m"], [1e3, "k"]];

/** @param {number} value */
export const formatCount = (value) => whole.format(value);

/** @param {number} value */
export const formatShare = (value) => `${Math.round(value * 100)} %`;

/**
 * In about three figures, as on every other page: `12.3k`, `4.56m`.
 * @param {number} value
 */
export function formatShort(value) {
  for (const [limit, unit] of UNITS) {
    const scaled = value / limit;
    if (Math.abs(scaled) >= 1) return scaled.toFixed(Math.abs(scaled) >= 100 ? 0 : Math.abs(scaled) >= 10 ? 1 : 2) + unit;
  }
  return whole.format(value);
}

/**
 * @param {number} value
 * @param {string} currency ISO code
 */
export const formatMoney = (value, currency) => `${SIGNS[currency] ?? `${currency} `}${formatShort(value)}`;

/**
 * @param {number} value
 * @param {LayerName} layer
 * @param {string} currency
 */
export function formatValue(value, layer, currency) {
  if (layer === "penetration") return formatShare(value);
  if (layer === "workload") return `${formatShort(value)} h`;
  return formatMoney(value, currency);
}

/**
 * @param {number[]} limits
 * @param {LayerName} layer
 * @param {string} currency
 * @returns {string[]} one sentence per class
 */
export function classLabels(limits, layer, currency) {
  const write = (/** @type {number} */ value) => formatValue(value, layer, currency);
  const labels = [`below ${write(limits[0] ?? 0)}`];
  for (let place = 1; place < limits.length; place += 1) {
    labels.push(`${write(limits[place - 1])} to below ${write(limits[place])}`);
  }
  if (limits.length > 0) labels.push(`${write(limits[limits.length - 1])} and more`);
  return labels;
}
