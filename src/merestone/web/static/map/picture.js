/**
 * From columns to what is drawn: fills, borders, numbers; both views draw the same picture.
 * @import { Atlas, County, CountyFeature, Label, LayerName, MapData, Picture, Theme } from "./types"
 */

import { middle } from "./data.js";
import { territoryColours, touching } from "./palette.js";
import { breaks, classOf, rampOf, valueOf } from "./scales.js";

/**
 * What stays the same whatever is clicked.
 * @typedef {object} Ground
 * @property {Atlas} atlas
 * @property {MapData} data
 * @property {Map<string, County>} counties
 * @property {Set<number>[]} touches
 * @property {import("geojson").MultiLineString} borders
 * @property {Label[]} labels
 */

/**
 * @param {Atlas} atlas
 * @param {MapData} data
 * @param {Map<string, County>} counties
 * @returns {Ground}
 */
export function groundOf(atlas, data, counties) {
  const place = (/** @type {string} */ fips) => counties.get(fips)?.territory ?? -1;
  return {
    atlas, data, counties,
    touches: touching(atlas, counties, data.territories.length),
    borders: atlas.borders((a, b) => place(a) >= 0 && place(b) >= 0 && place(a) !== place(b)),
    labels: labelsOf(atlas, data, counties),
  };
}

/**
 * @param {Ground} ground
 * @param {{ layer: LayerName, isolated: Set<number> | null, theme: Theme }} options
 * @returns {Picture & { colours: string[], limits: number[] }}
 */
export function pictureOf(ground, { layer, isolated, theme }) {
  const colours = territoryColours(ground.data.territories, ground.touches, theme);
  const ramp = rampOf(theme);
  const values = [...ground.counties.values()].map((county) => valueOf(county, layer)).filter((value) => value !== null);
  const limits = layer === "territory" ? [] : breaks(values, layer);
  const fills = new Map();
  const hatched = new Set();
  const faded = new Set();
  for (const county of ground.counties.values()) {
    if (county.territory === null) continue;
    if (isolated && !isolated.has(county.territory)) faded.add(county.fips);
    const value = valueOf(county, layer);
    if (value !== null) fills.set(county.fips, ramp[classOf(value, limits)]);
    else if (county.territory >= 0) fills.set(county.fips, colours[county.territory]);
    else hatched.add(county.fips);
  }
  // A scale's own colours need no numbers; the borders stay.
  const labels = ground.labels.filter(({ territory }) => layer === "territory" && (!isolated || isolated.has(territory)));
  return { layer, fills, hatched, faded, theme, colours, limits, borders: ground.borders, labels };
}

/**
 * One number per territory, inside the largest piece it owns.
 * @param {Atlas} atlas
 * @param {MapData} data
 * @param {Map<string, County>} counties
 * @returns {Label[]}
 */
function labelsOf(atlas, data, counties) {
  const territoryAt = atlas.counties.map(({ id }) => counties.get(id)?.territory ?? null);
  const pieces = data.territories.map(() => /** @type {number[]} */ ([]));
  const seen = new Uint8Array(territoryAt.length);
  territoryAt.forEach((territory, start) => {
    if (territory === null || territory < 0 || seen[start]) return;
    const piece = flood(start, { territoryAt, neighbours: atlas.neighbours, seen });
    if (piece.length > pieces[territory].length) pieces[territory] = piece;
  });
  return pieces.flatMap((piece, territory) => {
    if (piece.length === 0) return [];
    const [lon, lat] = heart(piece.map((place) => atlas.counties[place]));
    return [{ text: String(data.territories[territory].number), lon, lat, territory }];
  });
}

/**
 * @param {number} start
 * @param {{ territoryAt: (number | null)[], neighbours: number[][], seen: Uint8Array }} graph
 */
function flood(start, { territoryAt, neighbours, seen }) {
  const piece = [start];
  seen[start] = 1;
  for (const place of piece) {
    for (const other of neighbours[place]) {
      if (seen[other] || territoryAt[other] !== territoryAt[start]) continue;
      seen[other] = 1;
      piece.push(other);
    }
  }
  return piece;
}

/**
 * The county middle nearest to the mean of all: always inside the piece.
 * @param {CountyFeature[]} features
 */
function heart(features) {
  const middles = features.map(middle);
  const mean = [0, 1].map((axis) => middles.reduce((sum, point) => sum + point[axis], 0) / middles.length);
  const far = (/** @type {[number, number]} */ [lon, lat]) => (lon - mean[0]) ** 2 + (1.6 * (lat - mean[1])) ** 2;
  return middles.reduce((best, point) => (far(point) < far(best) ? point : best));
}
