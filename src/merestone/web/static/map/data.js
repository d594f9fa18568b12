/**
 * Fetches the columns and the county outlines, and puts them side by side.
 * @import { AccountColumns, Atlas, Config, County, CountyFeature, CountyTopology, MapData } from "./types"
 * @import { MultiLineString } from "geojson"
 */

/**
 * @param {string} url
 * @returns {Promise<any>}
 */
async function getJson(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

/**
 * @param {Config["urls"]} urls
 * @returns {Promise<{ data: MapData, accounts: AccountColumns, atlas: Atlas }>}
 */
export async function load(urls) {
  const [data, accounts, atlas] = await Promise.all([
    getJson(urls.data),
    getJson(urls.accounts),
    loadAtlas(urls),
  ]);
  return { data, accounts, atlas };
}

/**
 * @param {Pick<Config["urls"], "counties" | "topojson">} urls
 * @returns {Promise<Atlas>}
 */
export async function loadAtlas(urls) {
  /** @type {[CountyTopology, typeof import("topojson-client")]} */
  const [topology, topojson] = await Promise.all([getJson(urls.counties), import(urls.topojson)]);
  const { counties, states } = topology.objects;
  const idOf = (/** @type {any} */ geometry) => String(geometry.id);
  return {
    counties: /** @type {CountyFeature[]} */ (topojson.feature(topology, counties).features),
    states: /** @type {CountyFeature[]} */ (topojson.feature(topology, states).features),
    stateLines: topojson.mesh(topology, states),
    neighbours: topojson.neighbors(counties.geometries),
    borders: (differ) =>
      topojson.mesh(topology, /** @type {any} */ (counties), (a, b) => a !== b && differ(idOf(a), idOf(b))),
  };
}

/**
 * @param {Atlas} atlas
 * @param {MapData} data
 * @returns {Map<string, County>} every county of the atlas, those without accounts too
 */
export function countyTable(atlas, data) {
  const states = new Map(atlas.states.map((state) => [state.id, state.properties.name]));
  /** @type {Map<string, County>} */
  const table = new Map();
  for (const { id, properties } of atlas.counties) {
    table.set(id, {
      fips: id, name: properties.name, state: states.get(id.slice(0, 2)) ?? "",
      territory: null, share: 0, accounts: 0, customers: 0, potential: 0, workload: 0,
    });
  }
  const columns = data.counties;
  columns.fips.forEach((fips, place) => {
    const county = table.get(fips);
    if (!county) return;
    county.territory = columns.territory[place];
    county.share = columns.share[place];
    county.accounts = columns.accounts[place];
    county.customers = columns.customers[place];
    county.potential = columns.potential[place];
    county.workload = columns.workload[place];
  });
  return table;
}

/**
 * The middle of a county's largest ring: good enough to write a number on.
 * @param {CountyFeature} feature
 * @returns {[number, number]}
 */
export function middle(feature) {
  const polygons = feature.geometry.type === "Polygon" ? [feature.geometry.coordinates] : feature.geometry.coordinates;
  let best = [0, 0, 0];
  for (const [ring] of polygons) {
    let area = 0;
    let x = 0;
    let y = 0;
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
      const cross = ring[j][0] * ring[i][1] - ring[i][0] * ring[j][1];
      area += cross;
      x += (ring[j][0] + ring[i][0]) * cross;
      y += (ring[j][1] + ring[i][1]) * cross;
    }
    if (Math.abs(area) > best[2]) best = [x / (3 * area), y / (3 * area), Math.abs(area)];
  }
  return [best[0], best[1]];
}

const FAR_AWAY = new Set(["02", "15", "60", "66", "69", "72", "78"]);

/**
 * Without Alaska, Hawaii and the islands, which would make the map show an ocean; unless there is nothing else.
 * @param {CountyFeature[]} features
 */
export function mainland(features) {
  const near = features.filter(({ id }) => !FAR_AWAY.has(id.slice(0, 2)));
  return near.length > 0 ? near : features;
}

/**
 * The box around features, in degrees; islands behind the date line are left out so that the box stays one piece.
 * @param {CountyFeature[]} features
 * @returns {[number, number, number, number] | null} west, south, east, north
 */
export function boundsOf(features) {
  const box = /** @type {[number, number, number, number]} */ ([180, 90, -180, -90]);
  for (const feature of features) {
    const polygons = feature.geometry.type === "Polygon" ? [feature.geometry.coordinates] : feature.geometry.coordinates;
    for (const [ring] of polygons) {
      for (const [lon, lat] of ring) {
        if (lon > 0) continue;
        box[0] = Math.min(box[0], lon);
        box[1] = Math.min(box[1], lat);
        box[2] = Math.max(box[2], lon);
        box[3] = Math.max(box[3], lat);
      }
    }
  }
  return box[0] < box[2] ? box : null;
}
