import { expect, test } from "vitest";
import { taskSuite } from "../../testing/task-suite.ts";
import { interpret, scan, scanIds, scanText } from "./scan.ts";

const phrase = /^(\w+)(?: (opposite|around))?(?: (left|right))?(?: (twice|thrice))?$/;

/** By one pattern a phrase. */
function translate(command: string): string {
  const [, first, joint, second] = /^(.*) (and|after) (.*)$/.exec(command) ?? [];
  if (joint === "and") return translate(first!) + translate(second!);
  if (joint === "after") return translate(second!) + translate(first!);
  const [, verb, manner, direction, count] = phrase.exec(command)!;
  const turn = direction ? `I_TURN_${direction.toUpperCase()} ` : "";
  const act = verb === "turn" ? "" : `I_${verb!.toUpperCase()} `;
  const once = manner === "around" ? (turn + act).repeat(4) : turn.repeat(manner === "opposite" ? 2 : 1) + act;
  return once.repeat({ twice: 2, thrice: 3 }[count ?? ""] ?? 1);
}

const separator = scan.vocabulary({}) - 1;

taskSuite(scan, {
  configs: [{ c: {}, lengths: [12, 40] }],
  solve(read) {
    const place = read.indexOf(separator);
    const actions = scanIds(translate(scanText(read.slice(0, place))).trim());
    return actions[read.length - place - 1] ?? separator - 1;
  },
});

test("commands mean what their grammar says", () => {
  const actions = (command: string) => interpret(command.split(" ")).join(" ");
  expect(actions("jump left twice")).toBe("I_TURN_LEFT I_JUMP I_TURN_LEFT I_JUMP");
  expect(actions("walk after turn opposite right")).toBe("I_TURN_RIGHT I_TURN_RIGHT I_WALK");
  expect(actions("look around left and run")).toBe(`${"I_TURN_LEFT I_LOOK ".repeat(4)}I_RUN`);
});
