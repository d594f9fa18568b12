/**
 * The map drawn with MapLibre GL: everything comes from this server, no tiles, no glyphs, no sprites.
 *
 * Numbers on the map are drawn with the page's own fonts, which MapLibre does where a style names no glyph server.
 * @import { AccountColumns, Atlas, Config, MapView, Picture, Selection, Theme, ViewOptions } from "./types"
 * @import { FeatureCollection, Feature, Point } from "geojson"
 * @import { GeoJSONSource, Map as GlMap, MapMouseEvent, StyleSpecification } from "maplibre-gl"
 */

const CLUSTER_RADIUS = 40;
const FONT = ["Liberation Sans", "Segoe UI", "Roboto", "Arial"];

/** @type {FeatureCollection} */
const NOTHING = { type: "FeatureCollection", features: [] };

/** Whether this browser can draw with WebGL at all. */
export function hasWebGl() {
  try {
    const context = document.createElement("canvas").getContext("webgl2");
    context?.getExtension("WEBGL_lose_context")?.loseContext();
    return context !== null;
  } catch {
    return false;
  }
}

/**
 * @param {ViewOptions} options
 * @param {Config["urls"]} urls
 * @returns {Promise<MapView>}
 */
export async function openGlView(options, urls) {
  /** @type {typeof import("maplibre-gl")} */
  const { Map, setWorkerUrl } = await import(urls.maplibre);
  setWorkerUrl(new URL(urls.worker, location.href).href);
  const map = new Map({
    container: options.element,
    style: styleOf(options, await countryShapes(urls)),
    bounds: options.bounds,
    fitBoundsOptions: { padding: { top: options.top ?? 24, left: 24, right: 24, bottom: 24 } },
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    renderWorldCopies: false,
    minZoom: 0.6,
    maxZoom: 13,
    fadeDuration: 0,
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  await map.once("load");
  map.addImage("hatch", hatchImage(options.picture.theme.hatch));
  map.addLayer({
    id: "hatched", type: "fill", source: "counties", filter: ["in", ["get", "fips"], ["literal", []]],
    paint: { "fill-pattern": "hatch" },
  }, "county-lines");
  const view = new GlView(map, options);
  view.draw(options.picture);
  return view;
}

/** @param {Config["urls"]} urls */
async function countryShapes(urls) {
  const [topology, topojson] = await Promise.all([
    fetch(urls.countries).then((response) => response.json()),
    /** @type {Promise<typeof import("topojson-client")>} */ (import(urls.topojson)),
  ]);
  return /** @type {Feature} */ (/** @type {unknown} */ (topojson.feature(topology, topology.objects.land)));
}

/**
 * @param {ViewOptions} options
 * @param {Feature} land
 * @returns {StyleSpecification}
 */
function styleOf({ atlas, picture: { theme } }, land) {
  /** @type {FeatureCollection} */
  const counties = {
    type: "FeatureCollection",
    features: atlas.counties.map(({ id, geometry }) => ({
      type: "Feature", id: Number(id), geometry, properties: { fips: id },
    })),
  };
  return {
    version: 8,
    sources: {
      land: { type: "geojson", data: land },
      counties: { type: "geojson", data: counties, tolerance: 0.3 },
      states: { type: "geojson", data: atlas.stateLines },
      borders: { type: "geojson", data: NOTHING },
      labels: { type: "geojson", data: NOTHING },
      "selected-account": { type: "geojson", data: NOTHING },
      accounts: {
        type: "geojson", data: NOTHING, cluster: true, clusterRadius: CLUSTER_RADIUS, clusterMaxZoom: 10, maxzoom: 14,
      },
    },
    layers: [
      { id: "water", type: "background", paint: { "background-color": theme.water } },
      { id: "land", type: "fill", source: "land", paint: { "fill-color": theme.land } },
      {
        id: "counties", type: "fill", source: "counties",
        paint: {
          "fill-color": ["to-color", ["coalesce", ["feature-state", "fill"], theme.empty]],
          "fill-opacity": ["case", ["boolean", ["feature-state", "faded"], false], 0.16, 0.92],
          "fill-antialias": false,
        },
      },
      {
        id: "county-lines", type: "line", source: "counties",
        paint: { "line-color": theme.line, "line-width": ["interpolate", ["linear"], ["zoom"], 3, 0.25, 7, 0.8] },
      },
      {
        id: "state-lines", type: "line", source: "states",
        paint: { "line-color": theme.stateLine, "line-width": ["interpolate", ["linear"], ["zoom"], 3, 0.7, 7, 1.4] },
      },
      {
        id: "border-halo", type: "line", source: "borders", layout: { "line-join": "round" },
        paint: { "line-color": theme.halo, "line-width": ["interpolate", ["linear"], ["zoom"], 3, 2.2, 7, 4] },
      },
      {
        id: "borders", type: "line", source: "borders", layout: { "line-join": "round" },
        paint: { "line-color": theme.border, "line-width": ["interpolate", ["linear"], ["zoom"], 3, 1, 7, 2.2] },
      },
      {
        id: "selected", type: "line", source: "counties", filter: ["==", ["get", "fips"], ""],
        paint: { "line-color": theme.selected, "line-width": 3 },
      },
      {
        id: "chosen-fill", type: "fill", source: "counties",
        paint: {
          "fill-color": theme.selected, "fill-opacity": ["case", ["boolean", ["feature-state", "chosen"], false], 0.28, 0],
          "fill-antialias": false,
        },
      },
      {
        id: "chosen", type: "line", source: "counties",
        paint: { "line-color": theme.selected, "line-width": ["case", ["boolean", ["feature-state", "chosen"], false], 1.8, 0] },
      },
      {
        id: "labels", type: "symbol", source: "labels",
        layout: {
          "text-field": ["get", "text"], "text-font": FONT.map((name) => `${name} Bold`),
          "text-size": ["interpolate", ["linear"], ["zoom"], 3, 14, 7, 20], "text-padding": 0,
          "text-variable-anchor": ["center", "bottom", "top", "left", "right", "bottom-left", "top-right", "bottom-right", "top-left"],
          "text-radial-offset": 0.9,
        },
        paint: { "text-color": theme.ink, "text-halo-color": theme.halo, "text-halo-width": 2.2 },
      },
      {
        id: "clusters", type: "circle", source: "accounts", filter: ["has", "point_count"],
        paint: {
          "circle-color": theme.point, "circle-opacity": 0.9,
          "circle-stroke-color": theme.pointRing, "circle-stroke-width": 1.5,
          "circle-radius": ["interpolate", ["linear"], ["log10", ["get", "point_count"]], 0.3, 7, 1, 9, 2, 12.5, 3, 16.5, 4, 21],
        },
      },
      {
        id: "cluster-counts", type: "symbol", source: "accounts", filter: ["has", "point_count"],
        layout: {
          "text-field": ["get", "point_count_abbreviated"], "text-font": FONT, "text-size": 11,
          // Placed before the territories' numbers, which then find a place beside the circles.
          "text-allow-overlap": true, "text-padding": 8,
        },
        paint: { "text-color": theme.pointInk },
      },
      {
        id: "accounts", type: "circle", source: "accounts", filter: ["!", ["has", "point_count"]],
        paint: {
          "circle-radius": ["interpolate", ["linear"], ["zoom"], 3, 3.5, 8, 6],
          "circle-color": ["match", ["get", "lifecycle"], "customer", theme.point, "prospect", theme.pointRing, theme.hatch],
          "circle-stroke-color": ["match", ["get", "lifecycle"], ["customer"], theme.pointRing, theme.point],
          "circle-stroke-width": 1.6,
        },
      },
      {
        id: "selected-account", type: "circle", source: "selected-account",
        paint: { "circle-radius": 11, "circle-opacity": 0, "circle-stroke-color": theme.selected, "circle-stroke-width": 3 },
      },
    ],
  };
}

/** @implements {MapView} */
class GlView {
  name = /** @type {const} */ ("maplibre");
  /**
   * @param {GlMap} map
   * @param {ViewOptions} options
   */
  constructor(map, options) {
    this.map = map;
    this.accounts = options.accounts;
    this.covered = options.covered;
    this.top = options.top ?? 64;
    /** @type {Set<string>} */
    this.painted = new Set();
    map.on("click", (event) => this.#click(event, options));
    map.on("mousemove", (event) => {
      const [point] = this.#at(event, ["clusters", "accounts"]);
      const [county] = point ? [] : this.#at(event, ["counties"]);
      map.getCanvas().style.cursor = point || county ? "pointer" : "";
      options.onHover(county ? county.properties.fips : null, event.point.x, event.point.y);
    });
    map.on("mouseout", () => options.onHover(null, 0, 0));
  }

  /** @param {Picture} picture */
  draw(picture) {
    const { map } = this;
    const { theme } = picture;
    this.#recolour(theme);
    map.setLayoutProperty("border-halo", "visibility", picture.layer === "territory" ? "visible" : "none");
    map.setPaintProperty("borders", "line-opacity", picture.layer === "territory" ? 1 : 0.55);
    const chosen = picture.chosen ?? new Set();
    const touched = new Set([...this.painted, ...picture.fills.keys(), ...picture.faded, ...chosen]);
    for (const fips of touched) {
      map.setFeatureState(
        { source: "counties", id: Number(fips) },
        { fill: picture.fills.get(fips) ?? theme.empty, faded: picture.faded.has(fips), chosen: chosen.has(fips) },
      );
    }
    this.painted = touched;
    map.setFilter("hatched", ["in", ["get", "fips"], ["literal", [...picture.hatched]]]);
    this.#source("borders").setData(picture.borders);
    this.#source("labels").setData({
      type: "FeatureCollection",
      features: picture.labels.map(({ text, lon, lat }) => pointFeature(lon, lat, { text })),
    });
  }

  /** @param {number[]} places */
  showAccounts(places) {
    const { id, lon, lat, lifecycle, lifecycles } = this.accounts;
    this.#source("accounts").setData({
      type: "FeatureCollection",
      features: places.map((place) =>
        pointFeature(lon[place], lat[place], { id: id[place], place, lifecycle: lifecycles[lifecycle[place]] })),
    });
  }

  /** @param {Selection} selection */
  select({ county, account }) {
    this.map.setFilter("selected", ["==", ["get", "fips"], county ?? ""]);
    const place = account === null ? -1 : this.accounts.id.indexOf(account);
    this.#source("selected-account").setData(
      place < 0 ? NOTHING : pointFeature(this.accounts.lon[place], this.accounts.lat[place], {}));
  }

  /** @param {[number, number, number, number]} bounds */
  fit(bounds) {
    const padding = { top: this.top, left: 32, right: 32, bottom: 32 + this.covered() };
    this.map.fitBounds(bounds, { padding, maxZoom: 10, duration: calm() ? 0 : 500 });
  }

  async settled() {
    if (!this.map.loaded()) await this.map.once("idle");
  }

  /** @param {number} steps */
  zoomBy(steps) {
    this.map.zoomTo(this.map.getZoom() + steps, { duration: calm() ? 0 : 200 });
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  panBy(x, y) {
    this.map.panBy([x, y], { duration: calm() ? 0 : 150 });
  }

  /**
   * @param {number} lon
   * @param {number} lat
   * @returns {[number, number]}
   */
  toScreen(lon, lat) {
    const { x, y } = this.map.project([lon, lat]);
    return [x, y];
  }

  /**
   * @param {number} x
   * @param {number} y
   * @returns {string | null}
   */
  countyAt(x, y) {
    const [county] = this.map.queryRenderedFeatures([x, y], { layers: ["counties"] });
    return county?.properties.fips ?? null;
  }

  destroy() {
    this.map.remove();
  }

  /** @param {string} name */
  #source(name) {
    return /** @type {GeoJSONSource} */ (this.map.getSource(name));
  }

  /**
   * @param {MapMouseEvent} event
   * @param {string[]} layers
   */
  #at({ point }, layers) {
    /** @type {[[number, number], [number, number]]} */
    const box = [[point.x - 3, point.y - 3], [point.x + 3, point.y + 3]];
    return this.map.queryRenderedFeatures(layers[0] === "counties" ? point : box, { layers });
  }

  /**
   * @param {MapMouseEvent} event
   * @param {ViewOptions} options
   */
  async #click(event, { onHit }) {
    const [point] = this.#at(event, ["clusters", "accounts"]);
    if (!point) {
      const [county] = this.#at(event, ["counties"]);
      onHit(county ? { kind: "county", fips: county.properties.fips } : { kind: "nothing" });
      return;
    }
    const { cluster_id: cluster, point_count: count, id } = point.properties;
    if (cluster === undefined) {
      onHit({ kind: "account", id });
      return;
    }
    const source = this.#source("accounts");
    const leaves = await source.getClusterLeaves(cluster, count, 0);
    const [lon, lat] = /** @type {Point} */ (point.geometry).coordinates;
    const zoomIn = async () => {
      const zoom = await source.getClusterExpansionZoom(cluster);
      this.map.easeTo({ center: [lon, lat], zoom: zoom + 0.3, duration: calm() ? 0 : 400 });
    };
    onHit({ kind: "cluster", members: leaves.map((leaf) => leaf.properties?.place), lon, lat, zoomIn });
  }

  /** @param {Theme} theme */
  #recolour(theme) {
    const { map } = this;
    /** @type {[string, string, any][]} */
    const paints = [
      ["water", "background-color", theme.water],
      ["land", "fill-color", theme.land],
      ["counties", "fill-color", ["to-color", ["coalesce", ["feature-state", "fill"], theme.empty]]],
      ["county-lines", "line-color", theme.line],
      ["state-lines", "line-color", theme.stateLine],
      ["border-halo", "line-color", theme.halo],
      ["borders", "line-color", theme.border],
      ["selected", "line-color", theme.selected],
      ["chosen-fill", "fill-color", theme.selected],
      ["chosen", "line-color", theme.selected],
      ["selected-account", "circle-stroke-color", theme.selected],
      ["clusters", "circle-color", theme.point],
      ["clusters", "circle-stroke-color", theme.pointRing],
      ["cluster-counts", "text-color", theme.pointInk],
      ["labels", "text-color", theme.ink],
      ["labels", "text-halo-color", theme.halo],
      ["accounts", "circle-color", ["match", ["get", "lifecycle"], "customer", theme.point, "prospect", theme.pointRing, theme.hatch]],
      ["accounts", "circle-stroke-color", ["match", ["get", "lifecycle"], ["customer"], theme.pointRing, theme.point]],
    ];
    for (const [layer, property, value] of paints) map.setPaintProperty(layer, /** @type {any} */ (property), value);
    map.updateImage("hatch", hatchImage(theme.hatch));
  }
}

/**
 * @param {number} lon
 * @param {number} lat
 * @param {Record<string, unknown>} properties
 * @returns {Feature<Point>}
 */
function pointFeature(lon, lat, properties) {
  return { type: "Feature", geometry: { type: "Point", coordinates: [lon, lat] }, properties };
}

/**
 * A square of slanted lines that joins onto itself.
 * @param {string} colour
 */
export function hatchImage(colour) {
  const size = 8;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.strokeStyle = colour;
  context.lineWidth = 1.4;
  for (const shift of [-size, 0, size]) {
    context.beginPath();
    context.moveTo(shift, size);
    context.lineTo(shift + size, 0);
    context.stroke();
  }
  return context.getImageData(0, 0, size, size);
}

function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
