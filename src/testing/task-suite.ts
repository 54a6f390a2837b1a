import { expect } from "vitest";
import { createRng } from "../ops/index.ts";
import { type ConfiguredTask, chance, type Example, type Part, sampleOf, type Task } from "../tasks/index.ts";
import { type Law, runLaws } from "./law.ts";

export interface TaskSuiteOptions<C> {
  /** Settings to test, each completed by the defaults, at these lengths. */
  configs: readonly { c: Partial<C>; lengths: readonly number[] }[];
  /** The right answer at the last of the places read so far, found in another way than the task's own. */
  solve: (read: readonly number[], c: C) => number | undefined;
}

interface TaskRig extends ConfiguredTask {
  lengths: readonly number[];
  solve: (read: readonly number[], c: Record<string, unknown>) => number | undefined;
}

const examplesPerLength = 60;

function examplesOf({ task, c }: TaskRig, length: number, seed = 1): Example[] {
  const rng = createRng(seed);
  return Array.from({ length: examplesPerLength }, (_, i) => task.sample(rng.fork(i), { length, c }));
}

const widthOf = ({ task }: TaskRig): number => task.features ?? 1;
const keyOf = ({ inputs }: Example): string => inputs.join();

/** Targets of the scored places. */
const answersOf = ({ targets, mask }: Example): number[] => [...targets].filter((_, place) => mask[place] === 1);

const laws: readonly Law<TaskRig>[] = [
  {
    name: "a seed decides the example",
    check(rig) {
      for (const length of rig.lengths) {
        expect(examplesOf(rig, length)).toEqual(examplesOf(rig, length));
        expect(examplesOf(rig, length, 2).map(keyOf)).not.toEqual(examplesOf(rig, length).map(keyOf));
      }
    },
  },
  {
    name: "examples fit the declared window, vocabulary and answers, and something is scored",
    check(rig) {
      const { task, c } = rig;
      const answers = new Set(task.answers(c));
      for (const length of rig.lengths)
        for (const example of examplesOf(rig, length)) {
          const T = example.targets.length;
          expect(T).toBeLessThanOrEqual(task.window(length, c));
          expect(example.mask).toHaveLength(T);
          expect(example.inputs).toHaveLength(T * widthOf(rig));
          if (task.features === undefined) for (const id of example.inputs) expectId(id, task.vocabulary(c));
          for (const [place, id] of example.targets.entries()) if (example.mask[place] === 0) expect(id).toBe(0);
          expect(answersOf(example).length).toBeGreaterThan(0);
          for (const id of answersOf(example)) expect(answers).toContain(id);
        }
    },
  },
  {
    name: "every scored answer is the naive solver's, from what was read so far",
    check(rig) {
      const width = widthOf(rig);
      for (const length of rig.lengths)
        for (const { inputs, targets, mask } of examplesOf(rig, length).slice(0, 30))
          for (const [place, target] of targets.entries())
            if (mask[place] === 1)
              expect(rig.solve([...inputs.subarray(0, (place + 1) * width)], rig.c), inputs.join()).toBe(target);
    },
  },
  {
    name: "guesses are right as often as declared, and no answer always is",
    check(rig) {
      const answers = rig.task.answers(rig.c);
      const rng = createRng(7);
      const targets = rig.lengths
        .flatMap((length) => [1, 2, 3].flatMap((seed) => examplesOf(rig, length, seed)))
        .flatMap(answersOf);
      const right = targets.filter((target) => answers[rng.below(answers.length)] === target).length;
      const declared = chance(rig.task, rig.c);
      const spread = Math.sqrt((declared * (1 - declared)) / targets.length);
      expect(Math.abs(right / targets.length - declared)).toBeLessThan(4 * spread);
      expect(new Set(targets).size).toBeGreaterThan(1);
    },
  },
  {
    name: "training and test examples never coincide",
    check(rig) {
      for (const length of rig.lengths) {
        const [train, test] = [drawPart(rig, "train", length), drawPart(rig, "test", length)];
        expect(train.size * test.size).toBeGreaterThan(0);
        expect([...test].filter((key) => train.has(key))).toEqual([]);
      }
    },
  },
];

function expectId(id: number, vocabulary: number): void {
  expect(Number.isInteger(id) && id >= 0 && id < vocabulary, `id ${id} of ${vocabulary}`).toBe(true);
}

function drawPart(rig: TaskRig, part: Part, length: number): Set<string> {
  const rng = createRng(3).fork(part);
  const draws = Array.from({ length: 40 }, (_, i) => sampleOf(rig, rng.fork(i), { part, length }));
  return new Set(draws.map(keyOf));
}

/** Runs every law of tasks for every config. */
export function taskSuite<C>(task: Task<C>, { configs, solve }: TaskSuiteOptions<C>): void {
  const rigs = configs.map(({ c, lengths }) => ({
    label: JSON.stringify(c),
    rig: {
      task: task as unknown as Task,
      c: task.config.parse(c) as Record<string, unknown>,
      lengths,
      solve: solve as TaskRig["solve"],
    },
  }));
  runLaws(task.kind, rigs, laws);
}
