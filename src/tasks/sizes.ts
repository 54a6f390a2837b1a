import { fail } from "../tensor/index.ts";
import type { ConfiguredTask } from "./registry.ts";

/** Lengths that are drawn, both ends included. */
export interface Lengths {
  least: number;
  most: number;
}

/**
 * The lengths asked for; else those that fit into T places, from half of the longest on: far shorter examples are so few
 * that they cannot be divided into training and test. Throws E_TASK_LENGTH where one of them
 * does not fit or the task has none so short.
 */
export function lengthsWithin({ task, c }: ConfiguredTask, T: number, asked: Partial<Lengths> = {}): Lengths {
  const most = asked.most ?? longest({ task, c }, T);
  const least = asked.least ?? Math.max(task.least(c), Math.ceil(most / 2));
  const [where, code] = [`task.${task.kind}.length`, "E_TASK_LENGTH"] as const;
  if (least < task.least(c))
    return fail({ code, where, expected: `${task.lengthIs}, at least ${task.least(c)}`, got: String(least) });
  if (task.window(most, c) > T || most < least) {
    const needed = task.window(Math.max(least, asked.most ?? 0), c);
    return fail({
      code,
      where,
      expected: `windows of at least ${needed} tokens`,
      got: `${T}`,
      hint: "Use longer windows.",
    });
  }
  return { least, most };
}

/** The greatest length that fits; below the least one where none does. */
function longest({ task, c }: ConfiguredTask, T: number): number {
  let length = task.least(c) - 1;
  while (task.window(length + 1, c) <= T && length < T) length++;
  return length;
}
