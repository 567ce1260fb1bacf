// The server's JSON, as it comes out of `client.ts`: "NaN" and the infinities are numbers again there.

import type { Refused } from "./client";

export type Language = "en" | "zh";
export type Text = Record<Language, string>;
export type Value = number | string | boolean | null | Value[] | { [key: string]: Value };
export type Status = "running" | "finished" | "failed" | "interrupted" | (string & {});

export interface Session {
  version: string;
  language: Language;
  can_train: boolean;
  /** Where the folders of new runs are made. */
  home: string;
}

export interface RunRow {
  id: number;
  name: string;
  status: Status;
  started: number | null;
  seconds: number | null;
  epoch: number | null;
  epochs: number | null;
  step: number;
  steps: number | null;
  set: string | null;
  model: string;
  metrics: Record<string, number>;
  best: Record<string, number>;
  config: Record<string, Value>;
  sweep: string | null;
  factors: Record<string, Value>;
  findings: number;
}

export interface Checkpoint {
  id: number;
  step: number;
  epoch: number | null;
  kind: "initial" | "snapshot" | "best" | "last";
}

export interface Finding {
  fault: string;
  where: string;
  since: number;
  evidence: Record<string, Value>;
  advice: string;
  severity: number;
  /** What is wrong in a few words, and in a sentence or two with the numbers. */
  title: Text;
  text: Text;
}

export interface RunDetail extends Omit<RunRow, "findings"> {
  recipe: string;
  /** Why a failed one failed; "" for others. */
  reason: string;
  environment: Record<string, Value> | null;
  data: Record<string, Value> | null;
  compiled: Record<string, Value> | null;
  result: Record<string, Value> | null;
  names: string[];
  checkpoints: Checkpoint[];
  /** Why the checkpoints cannot be told, where they cannot. */
  unreadable?: Refused | null;
  findings: Finding[];
  shape: number[] | null;
  classes: (string | number)[] | null;
}

export interface Points {
  step: number[];
  value: number[];
  low?: number[];
  high?: number[];
}

export interface Series {
  series: Record<string, Points>;
  last_step: number;
}

export interface Histogram {
  low: number;
  high: number;
  counts: number[];
}

/** A statistic of a layer by the steps that it was looked at; null where it was not. */
export type Course = (number | null)[];

export interface LayerStatistics {
  kind: string;
  mean?: Course;
  std?: Course;
  min?: Course;
  max?: Course;
  dead_share?: Course;
  saturated_share?: Course;
  gradient_norm?: Course;
  weight_norm?: Course;
  update_ratio?: Course;
  histogram?: Histogram | null;
  gradient_histogram?: Histogram | null;
}

export interface Statistics {
  steps: number[];
  layers: Record<string, LayerStatistics>;
}

export interface NodeStats {
  mean: number;
  std: number;
  min: number;
  max: number;
  dead_share: number | null;
  histogram: Histogram | null;
}

export interface GradientStats {
  mean: number;
  std: number;
  norm: number;
  histogram: Histogram | null;
}

export type NodeKind = "input" | "parameter" | "buffer" | "operation" | "output" | "loss";

export interface GraphNode {
  id: number;
  name: string;
  kind: NodeKind;
  op: string;
  formula: string;
  module: string;
  shape: number[];
  dtype: string;
  parameters: number;
  bytes: number;
  operations: number;
  where: string;
  stats: NodeStats | null;
  gradient: GradientStats | null;
}

export interface Graph {
  nodes: GraphNode[];
  edges: [number, number][];
  modules: Record<string, { kind: string; parameters: number }>;
}

export type Nested = number | boolean | Nested[];

export interface NodeValues {
  shape: number[];
  dtype: string;
  values: Nested;
  truncated: boolean;
  mean: number;
  std: number;
  min: number;
  max: number;
}

export interface Sample {
  index: number;
  /** A class by its place or name; numbers where such are foretold. */
  label: number | string | number[] | null;
  predicted: number | string | number[] | null;
  probability: number | null;
  image: string | null;
  values: number[] | null;
}

export interface Samples {
  total: number;
  /** How many of the part the network was asked about. */
  judged?: number;
  items: Sample[];
}

export interface PlaneBoundary {
  x: [number, number];
  y: [number, number];
  size: number;
  classes: number[];
  confidence: number[];
  points: [number, number, number][];
  test_points: [number, number, number][];
}

export interface CurveBoundary {
  x: number[];
  curve: number[];
  points: [number, number][];
}

export type Boundary = PlaneBoundary | CurveBoundary;

export interface Weights {
  names: string[];
  parameter: string;
  shape: number[];
  values: number[][];
  low: number;
  high: number;
}

export interface Prediction {
  /** For each input what the network says. */
  outputs: number[][];
  /** For each input the share of each class; null where values are predicted. */
  probabilities: number[][] | null;
  layers: { path: string; kind: string; values: number[]; shape: number[] }[];
}

export interface Recipe {
  name: string;
  title: Text;
  description: Text;
  set: string;
  model: string;
  epochs: number | null;
  steps: number | null;
  lr: number | null;
  batch_size: number | "full" | null;
  seed: number | null;
  available: boolean;
}

export type PointsEvent = { id: number; series: Record<string, [number, number][]> };
export type FindingEvent = { id: number; finding: Finding };
export type StatusEvent = { id: number; status: Status };
