/**
 * What the address says: `?layer=`, `?territory=KEY`, `?account=ID`, `?county=FIPS`, `?on=DAY`. It survives a reload and can be sent.
 * @import { LayerName } from "./types"
 */

/** @type {readonly LayerName[]} */
export const LAYERS = ["territory", "potential", "workload", "penetration"];

/**
 * @typedef {object} State
 * @property {LayerName} layer
 * @property {string | null} territory
 * @property {number | null} account
 * @property {string | null} county
 * @property {string | null} on a day of the past; null = today
 */

/**
 * @param {string} query
 * @returns {State}
 */
export function readState(query) {
  const parameters = new URLSearchParams(query);
  const layer = parameters.get("layer");
  const account = Number(parameters.get("account"));
  return {
    layer: LAYERS.find((name) => name === layer) ?? "territory",
    territory: parameters.get("territory") || null,
    account: Number.isSafeInteger(account) && account > 0 ? account : null,
    county: /^\d{5}$/.test(parameters.get("county") ?? "") ? parameters.get("county") : null,
    on: /^\d{4}-\d{2}-\d{2}$/.test(parameters.get("on") ?? "") ? parameters.get("on") : null,
  };
}

/**
 * @param {State} state
 * @param {string} query the present query; parameters of others stay
 * @returns {string}
 */
export function writeState(state, query) {
  const parameters = new URLSearchParams(query);
  for (const [name, value] of Object.entries(state)) {
    const isDefault = value === null || (name === "layer" && value === "territory");
    if (isDefault) parameters.delete(name);
    else parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text ? `?${text}` : "";
}
