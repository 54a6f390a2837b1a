import { type ArgsDef, defineCommand } from "citty";
import { fail } from "../../src/tensor/index.ts";
import { type Comparison, compareSteps, type Rounds } from "./comparison.ts";
import type { Contender } from "./contender.ts";
import { benchModel, benchModels, type ModelSettings } from "./models.ts";
import { findPeers } from "./peers.ts";
import { comparisonTable } from "./table.ts";

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const flags = {
  models: {
    type: "string",
    description: `comma-separated: ${benchModels()
      .map(({ name }) => name)
      .join(", ")}`,
  },
  peers: { type: "string", description: "comma-separated peer ids, such as torch-eager; default: all found" },
  rounds: { type: "string", default: "5", description: "runs of each side" },
  seconds: { type: "string", default: "20", description: "stop measuring a run after this time (3 steps at least)" },
  threads: { type: "string", default: "2", description: "threads of each side" },
  json: { type: "boolean", description: "print [{model, peer, mode, ratio}] to stdout" },
} satisfies ArgsDef;

/** `npm run bench -- train-step`: seqlab's training step beside every peer found, on one machine in one session. */
export default defineCommand({
  meta: {
    name: "train-step",
    description: "Time forward, backward, clipping and AdamW beside every peer found, in alternation",
  },
  args: flags,
  async run({ args }) {
    rejectUnknown(args);
    const options = {
      rounds: count(args.rounds, "--rounds"),
      seconds: count(args.seconds, "--seconds"),
      threads: count(args.threads, "--threads"),
      log,
    };
    const models = args.models === undefined ? benchModels() : args.models.split(",").map(benchModel);
    const { comparisons, failures } = await compareAll(models, choosePeers(args.peers), options);
    if (comparisons.length > 0) log(`\n${comparisonTable(comparisons)}`);
    if (args.json) process.stdout.write(`${JSON.stringify(comparisons.map(result), null, 2)}\n`);
    if (failures > 0) process.exitCode = 1;
  },
});

function rejectUnknown(args: Record<string, unknown>): void {
  const known = Object.keys(flags);
  const got = Object.keys(args).find((name) => name !== "_" && !known.includes(name));
  if (got === undefined) return;
  const expected = `some of ${known.map((name) => `--${name}`).join(" ")}`;
  fail({ code: "E_BENCH_OPTION", where: "train-step", expected, got: `--${got}` });
}

/** A peer that fails is reported and left out; the others are still compared. */
async function compareAll(models: readonly ModelSettings[], peers: readonly Contender[], options: Rounds) {
  const pairs = models.flatMap((model) => peers.filter((peer) => peer.trains(model)).map((peer) => ({ model, peer })));
  const comparisons: Comparison[] = [];
  for (const { model, peer } of pairs) {
    try {
      comparisons.push(await compareSteps(model, peer, options));
    } catch (error) {
      log(`${model.name}, ${peer.id}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { comparisons, failures: pairs.length - comparisons.length };
}

function choosePeers(ids: string | undefined): Contender[] {
  const { found, missing } = findPeers();
  for (const { id, hint } of missing) log(`${id}: not found: ${hint}`);
  const wanted = ids?.split(",") ?? found.map(({ id }) => id);
  const unknown = wanted.filter((id) => !found.some((peer) => peer.id === id));
  if (wanted.length > 0 && unknown.length === 0) return found.filter(({ id }) => wanted.includes(id));
  const expected =
    found.length === 0 ? "at least one peer on this machine" : `some of ${found.map(({ id }) => id).join(", ")}`;
  fail({ code: "E_BENCH_NO_PEER", where: "--peers", expected, got: unknown.join(", ") || "none" });
}

const result = ({ model, mode, ratio, theirs }: Comparison) => ({ model, peer: theirs.name, mode, ratio });

function count(text: string, where: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  fail({ code: "E_BENCH_COUNT", where, expected: "a positive whole number", got: JSON.stringify(text) });
}
