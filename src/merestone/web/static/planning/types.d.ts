/** The shapes the planning workspace's modules hand to each other. Types only: nothing here reaches a browser. */

export interface PlanTerritory {
  key: string;
  name: string;
  owner: string;
  home: [number, number] | null;
}

export interface PlanMeasure {
  key: string;
  label: string;
  unit: string;
}

export interface Balance {
  measure: string;
  tolerance: number;
}

export interface Settings {
  objective: string;
  /** The measure by which units weigh in the objective. */
  weight: string;
  contiguous: boolean;
  balances: Balance[];
}

export interface Job {
  id: number;
  share: number | null;
  stage: string;
  cost: number | null;
  bound: number | null;
  gap: number | null;
}

export interface Report {
  cost?: number | null;
  bound?: number | null;
  gap?: number | null;
  stop_reason?: string | null;
  seconds?: number | null;
  words?: string | null;
  is_feasible?: boolean;
  /** Of the revision shown. */
  is_current?: boolean;
}

/** What can be undone and redone, in words; null when there is nothing. */
export interface Can {
  undo: string | null;
  redo: string | null;
}

/** Everything the server says about a scenario; columns of units all have one length. */
export interface ScenarioData {
  key: string;
  name: string;
  model: { key: string; name: string };
  unit_kind: string;
  revision: number;
  territories: PlanTerritory[];
  measures: PlanMeasure[];
  settings: Settings;
  units: {
    id: string[];
    name: string[];
    state: string[];
    /** Index into territories; -1 = nobody's. */
    territory: number[];
    live: number[];
    locked: number[];
    amounts: Record<string, number[]>;
  };
  neighbours: { starts: number[]; units: number[] };
  can: Can;
  job: Job | null;
  report: Report | null;
  failed: { error: string } | null;
  book: { taken_at: string; is_stale: boolean };
  outside: { without_unit: number; fixed: number };
}

/** Units with what each becomes; the same shape goes both ways. */
export interface Changed {
  units: number[];
  territory: number[];
  locked: number[];
}

export interface Answer {
  revision: number;
  changed: Changed;
  can: Can;
}

/** One change made here: enough to take it back and to make it again. */
export interface Step {
  words: string;
  units: Int32Array;
  territoryBefore: Int32Array;
  territoryAfter: Int32Array;
  lockedBefore: Uint8Array;
  lockedAfter: Uint8Array;
}

/** What the balance table says about a territory. */
export interface Line {
  territory: number;
  units: number;
  /** By place of the measure. */
  amounts: number[];
  /** 100 = the mean of all territories; null when the mean is 0. */
  index: (number | null)[];
  /** In how many pieces its units lie; 0 without units. */
  pieces: number;
  /** The farthest from the mean of the measures that count, as a share. */
  worst: number;
}

export type LayerName = "territory" | "balance" | "moves";
export type ToolName = "move" | "box" | "lasso";

export interface Config {
  currency: string;
  noun: [string, string];
  csrf: string;
  urls: {
    data: string;
    job: string;
    post: string;
    counties: string;
    countries: string;
    topojson: string;
    maplibre: string;
    worker: string;
  };
}
