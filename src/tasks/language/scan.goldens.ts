import type { GoldenAdapter, GoldenCase } from "../../testing/goldens/index.ts";
import { linesOf } from "../goldens.fixture.ts";
import { interpret } from "./scan.ts";

function compute(c: GoldenCase) {
  const actions = linesOf(c, "in.text").map((line) => interpret(line.split(" ")).join(" "));
  return { "out.text": new TextEncoder().encode(`${actions.join("\n")}\n`).subarray(0, c.values("out.text").length) };
}

export const adapters: GoldenAdapter[] = [{ kind: "tasks", component: "scan", compute }];
