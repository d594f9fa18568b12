/** The shapes the rule builder's modules hand to each other. Types only: nothing here reaches a browser. */

export type Value = string | boolean | { number: string } | { date: string };

/** A test as the server writes and reads it. */
export interface TestTree {
  kind: "test";
  field: string | null;
  op: string;
  values: Value[];
  at?: [number, number, number];
}
export type Tree = TestTree | { kind: "and" | "or"; parts: Tree[] } | { kind: "not"; part: Tree };

/** The same while it is being edited: a row may be unfinished, a group empty. */
export interface Row {
  id: number;
  kind: "row";
  negated: boolean;
  field: string | null;
  op: string;
  values: Value[];
}
export interface Group {
  id: number;
  kind: "group";
  negated: boolean;
  join: "and" | "or";
  parts: Draft[];
}
export type Draft = Row | Group;

export interface Field {
  name: string;
  label: string;
  kind: string;
  unit: string;
  choices: string[];
  group: string;
  aliases: string[];
  operators: string[];
}
export interface Operator {
  op: string;
  label: string;
  date_label: string;
  takes: string;
}
export interface FunctionEntry {
  name: string;
  label: string;
  signature: string;
  description: string;
  example: string;
  subject: string;
  takes: string;
  arguments: { name: string; kind: string; minimum: number | null; maximum: number | null }[];
}
export interface Offer {
  fields: Field[];
  operators: Operator[];
  functions: FunctionEntry[];
  lists: { key: string; n: number }[];
  areas: string[];
}

export interface Problem {
  code: string;
  message: string;
  fix?: string;
  line?: number;
  column?: number;
  length?: number;
  replacement?: string | null;
  severity?: "error" | "warning" | null;
}
export interface Reading {
  text: string;
  tree: Tree | null;
  english: string;
  problems: Problem[];
}
export interface Example {
  id: number;
  external_id: string | null;
  name: string;
  city: string | null;
  state: string | null;
  revenue: string | null;
  winner: string | null;
  winner_name: string;
  record: Record<string, unknown>;
}
export interface Counted {
  total: number;
  parent: number;
  matches: number;
  revenue: string;
  is_grouping: boolean;
  is_primary: boolean;
  wins: number;
  won_by_name: number;
  won_revenue: string;
  rivals: { territory: string | null; name: string; accounts: number }[];
  criteria?: { text: string; keeps: number; missing: number }[];
  examples: Example[];
  located: number;
  points: { lat: number[]; lon: number[]; n: number[]; won: boolean[] };
  counties: Record<string, number>;
}
export interface Case {
  record: Record<string, unknown>;
  expect: string;
}
export interface CaseResult extends Case {
  number: number;
  passes: boolean;
  message: string;
}
export interface Config {
  model: string;
  territory: string;
  name: string;
  currency: string;
  isPlanning: boolean;
  urls: { api: string; account: string; counties: string; topojson: string; icons: string };
}
