/** SCAN: commands in a small English, and the actions they stand for. */
import { z } from "zod";
import type { Rng } from "../../ops/index.ts";
import { answerTask } from "../answer-task.ts";
import type { Size } from "../task.ts";

const verbs = ["walk", "look", "run", "jump"];
const directions = ["left", "right"];
const manners = ["opposite", "around"];
const counts = ["twice", "thrice"];
const joints = ["and", "after"];
const words = [...verbs, "turn", ...directions, ...manners, ...counts, ...joints];
const actions = ["I_TURN_LEFT", "I_TURN_RIGHT", "I_WALK", "I_LOOK", "I_RUN", "I_JUMP"];
const symbols = [...words, ...actions];
const end = symbols.length;

/** Ids of a command, words and spaces. */
export const scanIds = (text: string): number[] => text.split(" ").map((word) => symbols.indexOf(word));
export const scanText = (ids: readonly number[]): string => ids.map((id) => symbols[id]).join(" ");

/** The actions of a command. */
export function interpret(command: readonly string[]): string[] {
  const joint = command.findIndex((word) => joints.includes(word));
  if (joint === -1) return interpretPart(command);
  const [first, second] = [interpretPart(command.slice(0, joint)), interpretPart(command.slice(joint + 1))];
  return command[joint] === "and" ? [...first, ...second] : [...second, ...first];
}

function interpretPart(part: readonly string[]): string[] {
  const times = { twice: 2, thrice: 3 }[part.at(-1)!];
  return times === undefined ? interpretVerb(part) : repeat(interpretVerb(part.slice(0, -1)), times);
}

/** u; u dir = TURN u; u opposite dir = TURN TURN u; u around dir = (TURN u) four times; `turn` adds no action of its own. */
function interpretVerb([verb, ...manner]: readonly string[]): string[] {
  const own = verb === "turn" ? [] : [`I_${verb!.toUpperCase()}`];
  const direction = manner.at(-1);
  if (direction === undefined) return own;
  const turn = `I_TURN_${direction.toUpperCase()}`;
  if (manner[0] === "around") return repeat([turn, ...own], 4);
  return manner[0] === "opposite" ? [turn, turn, ...own] : [turn, ...own];
}

const repeat = <T>(items: readonly T[], times: number): T[] => Array.from({ length: times }, () => items).flat();

export const scan = answerTask({
  kind: "scan",
  title: "SCAN",
  cite: { arxiv: "1711.00350", by: "Lake & Baroni 2018" },
  layout: "jump left twice | → I_TURN_LEFT I_JUMP I_TURN_LEFT I_JUMP ⏹",
  config: z.strictObject({}),
  lengthIs: "most words of the command and actions",
  symbols: () => end + 1,
  end,
  names: () => [...symbols, "⏹", "|"],
  least: () => 4,
  window: (length) => length + 1,
  answers: () => [...actions.keys()].map((i) => words.length + i).concat(end),
  question: drawFitting,
  answer: (command) => [...scanIds(interpret(command.map((id) => symbols[id]!)).join(" ")), end],
});

/** Draws commands of the grammar until one fits. */
function drawFitting(rng: Rng, { length }: Size<unknown>): number[] {
  for (;;) {
    const part = drawPart(rng);
    const command = rng.below(3) === 0 ? part : [...part, pick(rng, joints), ...drawPart(rng)];
    if (command.length + interpret(command).length <= length) return scanIds(command.join(" "));
  }
}

const pick = <T>(rng: Rng, items: readonly T[]): T => items[rng.below(items.length)]!;

function drawPart(rng: Rng): string[] {
  const verb = pick(rng, [...verbs, "turn"]);
  const shapes = [[], [pick(rng, directions)], [pick(rng, manners), pick(rng, directions)]];
  const manner = verb === "turn" ? pick(rng, shapes.slice(1)) : pick(rng, shapes);
  return [verb, ...manner, ...pick(rng, [[], [pick(rng, counts)]])];
}
