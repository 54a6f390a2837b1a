import { writeFileSync } from "node:fs";
import { type ArgsDef, defineCommand } from "citty";
import { fail } from "../../src/tensor/index.ts";
import { type Flatness, finiteMixers, measureFlatness } from "./flatness.ts";
import { flatnessTable } from "./table.ts";

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const flags = {
  mixers: { type: "string", description: "comma-separated; default: every mixer that decodes from a finite state" },
  contexts: { type: "string", default: "1024,4096,16384,65536", description: "comma-separated tokens" },
  rounds: { type: "string", default: "7", description: "times that every context is measured" },
  tokens: { type: "string", default: "64", description: "tokens timed at once" },
  width: { type: "string", default: "64", description: "of the one-layer models" },
  json: { type: "boolean", description: "print [{mixer, contexts, again, flat}] to stdout" },
  output: { type: "string", description: "file for the same JSON; default: none is written" },
} satisfies ArgsDef;

/** `npm run bench -- decode`: per-token time and state bytes of mixers with a finite state, against context. */
export default defineCommand({
  meta: { name: "decode", description: "Time a decoded token and count its state at several contexts" },
  args: flags,
  async run({ args }) {
    const unknown = Object.keys(args).find((name) => name !== "_" && !Object.hasOwn(flags, name));
    if (unknown !== undefined) reject("decode", `some of ${Object.keys(flags).join(", ")}`, `--${unknown}`);
    const options = {
      contexts: args.contexts.split(",").map((text) => count(text, "--contexts")),
      rounds: count(args.rounds, "--rounds"),
      tokens: count(args.tokens, "--tokens"),
      width: count(args.width, "--width"),
    };
    const results: Flatness[] = [];
    for (const kind of chooseMixers(args.mixers, options.width)) {
      results.push(await measureFlatness(kind, options));
      log(`${kind}: ${results.at(-1)!.flat ? "flat" : "not flat"}`);
    }
    log(`\n${flatnessTable(results)}`);
    const json = `${JSON.stringify(results, null, 2)}\n`;
    if (args.json) process.stdout.write(json);
    if (args.output !== undefined) writeFileSync(args.output, json);
  },
});

function chooseMixers(names: string | undefined, width: number): string[] {
  const kinds = finiteMixers(width);
  if (names === undefined) return kinds;
  const wanted = names.split(",");
  const odd = wanted.filter((name) => !kinds.includes(name));
  return odd.length === 0 ? wanted : reject("--mixers", `some of ${kinds.join(", ")}`, odd.join(", "));
}

function count(text: string, where: string): number {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : reject(where, "positive whole numbers", JSON.stringify(text));
}

const reject = (where: string, expected: string, got: string): never =>
  fail({ code: "E_BENCH_OPTION", where, expected, got });
