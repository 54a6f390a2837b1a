import { z } from "zod";
import { nearest } from "../spec/index.ts";
import { fail } from "../tensor/index.ts";
import { addition } from "./arithmetic/addition.ts";
import { binaryAddition } from "./arithmetic/binary-addition.ts";
import { binaryMultiplication } from "./arithmetic/binary-multiplication.ts";
import { equation } from "./arithmetic/equation.ts";
import { listops } from "./arithmetic/listops.ts";
import { modularAddition } from "./arithmetic/modular-addition.ts";
import { modularArithmetic } from "./arithmetic/modular-arithmetic.ts";
import { modularBrackets } from "./arithmetic/modular-brackets.ts";
import { modularDag } from "./arithmetic/modular-dag.ts";
import { squareRoot } from "./arithmetic/square-root.ts";
import { parsing } from "./language/parsing.ts";
import { scan } from "./language/scan.ts";
import { associativeRecall } from "./recall/associative-recall.ts";
import { crossModalRecall } from "./recall/cross-modal-recall.ts";
import { fuzzyRecall } from "./recall/fuzzy-recall.ts";
import { inContextRecall } from "./recall/in-context-recall.ts";
import { inContextRegression } from "./recall/in-context-regression.ts";
import { induction } from "./recall/induction.ts";
import { memorisation } from "./recall/memorisation.ts";
import { mqar } from "./recall/mqar.ts";
import { selectiveCopy } from "./recall/selective-copy.ts";
import { cycleNavigation } from "./state/cycle-navigation.ts";
import { dyck } from "./state/dyck.ts";
import { evenPairs } from "./state/even-pairs.ts";
import { eventXor } from "./state/event-xor.ts";
import { groupWords } from "./state/group-words.ts";
import { parity } from "./state/parity.ts";
import { copy } from "./strings/copy.ts";
import { missingDuplicate } from "./strings/missing-duplicate.ts";
import { oddsFirst } from "./strings/odds-first.ts";
import { reversal } from "./strings/reversal.ts";
import { sort } from "./strings/sort.ts";
import { stack } from "./strings/stack.ts";
import type { Task } from "./task.ts";

const all: readonly Task[] = [
  ...[copy, reversal, sort, oddsFirst, missingDuplicate, stack],
  ...[parity, evenPairs, cycleNavigation, groupWords, dyck, eventXor],
  ...[addition, modularAddition, modularArithmetic, modularBrackets, modularDag, equation],
  ...[binaryAddition, binaryMultiplication, squareRoot, listops],
  ...[associativeRecall, mqar, inContextRecall, fuzzyRecall, memorisation, selectiveCopy],
  ...[induction, inContextRegression, crossModalRecall, scan, parsing],
] as unknown as readonly Task[];

/** Every task by its kind. */
export const tasks: Readonly<Record<string, Task>> = Object.fromEntries(all.map((task) => [task.kind, task]));

/** A task with its settings. */
export interface ConfiguredTask {
  task: Task;
  c: Record<string, unknown>;
}

/** A task by its kind, with settings completed by the defaults. Throws E_TASK_KIND, E_TASK_CONFIG. */
export function parseTask(kind: string, settings: Readonly<Record<string, unknown>> = {}): ConfiguredTask {
  const task = Object.hasOwn(tasks, kind) ? tasks[kind] : undefined;
  if (task === undefined) return failKind(kind);
  const result = task.config.safeParse(settings);
  if (result.success) return { task, c: result.data };
  const issue = result.error.issues[0]!;
  const names = settingNames(task);
  const unknown = issue.code === "unrecognized_keys" ? issue.keys[0]! : undefined;
  if (unknown === undefined) return failSetting(`task.${kind}`, settings, issue);
  const near = nearest(unknown, names);
  return fail({
    code: "E_TASK_CONFIG",
    where: `task.${kind}`,
    expected: `settings of ${kind} (${names.join(", ") || "it has none"})`,
    got: `"${unknown}"`,
    ...(near !== undefined && { hint: `Did you mean ${near}?` }),
  });
}

/** `Invalid input: expected number, received string` and `Too small: expected number to be >=2` in our words. */
function failSetting(where: string, settings: Readonly<Record<string, unknown>>, { path, message }: z.core.$ZodIssue) {
  const [, expected = message] = /^[^:]*: expected (.*?)(?:, received .*)?$/.exec(message) ?? [];
  const got = path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    settings,
  );
  return fail({
    ...{ code: "E_TASK_CONFIG", where: [where, ...path].join("."), expected },
    got: got === undefined ? "nothing" : JSON.stringify(got),
  });
}

function settingNames({ config }: Task): string[] {
  return config instanceof z.ZodObject ? Object.keys(config.shape) : [];
}

function failKind(kind: string): never {
  const kinds = Object.keys(tasks);
  const near = nearest(kind, kinds);
  fail({
    code: "E_TASK_KIND",
    where: "task",
    expected: near === undefined ? `one of ${kinds.join(", ")}` : "a known task",
    got: `"${kind}"`,
    ...(near !== undefined && { hint: `Did you mean ${near}?` }),
  });
}
