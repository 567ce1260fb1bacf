/** Backpropagation's steps as the server tells them. */

import type { NodeValues, Nested } from "../api";

export type Array_ = Pick<NodeValues, "shape" | "dtype" | "values" | "truncated"> &
  Record<"mean" | "std" | "min" | "max", number | null>;

export interface Product {
  to: string;
  input: string;
  kind: "operation" | "parameter" | "leaf";
  array: Array_;
  added_to_total: Array_;
}

export interface BackwardStep {
  index: number;
  op: string;
  name: string;
  formula: string;
  derivative: string;
  module: string;
  where: string;
  saved: Record<string, Array_>;
  options: Record<string, unknown>;
  incoming: Array_ | (Array_ | null)[];
  local: Record<string, Array_>;
  products: Product[];
}

export interface Leaf {
  shape: number[];
  mean: number;
  norm: number;
  values: Nested;
}

export interface StepsAnswer {
  steps: BackwardStep[];
  leaves: Record<string, Leaf>;
}
