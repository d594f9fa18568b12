/** The shapes the map's modules hand to each other. Types only: nothing here reaches a browser. */
import type { GeometryCollection, Topology } from "topojson-specification";
import type { Feature, FeatureCollection, MultiLineString, MultiPolygon, Polygon } from "geojson";

export type LayerName = "territory" | "potential" | "workload" | "penetration";

export interface Sums {
  accounts: number;
  customers: number;
  /** Money a year, in the company's currency. */
  potential: number;
  /** Hours a year. */
  workload: number;
}

export interface Territory extends Sums {
  key: string;
  name: string;
  /** What stands on the map and in the legend: colour is never the only sign. */
  number: number;
  region: number | null;
  owner: string;
}

export interface Region extends Sums {
  key: string;
  name: string;
}

/** Columns by county, all of one length. */
export interface CountyColumns {
  fips: string[];
  /** Index into territories; -1 no territory, -2 one that is not shown to this user. */
  territory: number[];
  share: number[];
  accounts: number[];
  customers: number[];
  potential: number[];
  workload: number[];
}

export interface MapData {
  currency: string;
  territories: Territory[];
  regions: Region[];
  unplaced: Sums;
  elsewhere: Sums;
  total: Sums;
  unlocated: number;
  counties: CountyColumns;
}

/** Columns by account, all of one length. */
export interface AccountColumns {
  lifecycles: string[];
  id: number[];
  lon: number[];
  lat: number[];
  territory: number[];
  lifecycle: number[];
}

export interface County extends Sums {
  fips: string;
  name: string;
  state: string;
  /** Index into territories, -1, -2, or null without accounts. */
  territory: number | null;
  share: number;
}

export type CountyFeature = Feature<Polygon | MultiPolygon, { name: string }> & { id: string };

export interface Atlas {
  counties: CountyFeature[];
  states: CountyFeature[];
  stateLines: MultiLineString;
  /** For each county the places of its neighbours in `counties`. */
  neighbours: number[][];
  /** Borders between counties for which `differ` holds. */
  borders(differ: (a: string, b: string) => boolean): MultiLineString;
}

export type CountyTopology = Topology<{
  counties: GeometryCollection<{ name: string }>;
  states: GeometryCollection<{ name: string }>;
}>;

export interface Config {
  urls: {
    data: string;
    accounts: string;
    counties: string;
    countries: string;
    maplibre: string;
    worker: string;
    topojson: string;
    card: string;
    past: string;
  };
  /** Days on which another model became active, oldest first, and today with an empty day. */
  steps: { on: string; words: string }[];
}

export interface Theme {
  water: string;
  land: string;
  empty: string;
  line: string;
  stateLine: string;
  border: string;
  ink: string;
  halo: string;
  hatch: string;
  point: string;
  pointInk: string;
  pointRing: string;
  selected: string;
  isDark: boolean;
}

export interface Label {
  text: string;
  lon: number;
  lat: number;
  territory: number;
}

/** What a view draws; the page computes it, both views obey it. */
export interface Picture {
  layer: LayerName;
  /** Fill by FIPS; counties left out are drawn as empty. */
  fills: Map<string, string>;
  /** Counties with accounts and no territory: hatched. */
  hatched: Set<string>;
  /** Counties outside the isolated territory: faded. */
  faded: Set<string>;
  borders: MultiLineString;
  labels: Label[];
  theme: Theme;
  /** Counties that are selected, where several can be: drawn over everything else. */
  chosen?: Set<string>;
}

export interface Selection {
  county: string | null;
  account: number | null;
}

export type Hit =
  | { kind: "county"; fips: string }
  | { kind: "account"; id: number }
  | { kind: "cluster"; members: number[]; lon: number; lat: number; zoomIn: () => void }
  | { kind: "nothing" };

export interface MapView {
  readonly name: "maplibre" | "canvas";
  draw(picture: Picture): void;
  /** Places in the account columns that are shown. */
  showAccounts(places: number[]): void;
  select(selection: Selection): void;
  fit(bounds: [number, number, number, number]): void;
  /** Resolves when everything asked for is on the screen. */
  settled(): Promise<void>;
  zoomBy(steps: number): void;
  panBy(x: number, y: number): void;
  /** Where a place lies, in pixels of the map; null when it is not shown. */
  toScreen(lon: number, lat: number): [number, number] | null;
  /** The county at a pixel of the map. */
  countyAt(x: number, y: number): string | null;
  destroy(): void;
}

export interface ViewOptions {
  element: HTMLElement;
  atlas: Atlas;
  accounts: AccountColumns;
  picture: Picture;
  bounds: [number, number, number, number];
  /** Dots only, without counts: for a picture too small to click. */
  isSmall?: boolean;
  /** Pixels at the bottom that something lies over. */
  covered(): number;
  /** Pixels at the top that controls lie on. */
  top?: number;
  onHit(hit: Hit): void;
  onHover(fips: string | null, x: number, y: number): void;
}
