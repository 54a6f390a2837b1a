import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { describeMachine, type ProfileOptions, profileModel } from "../analysis/index.ts";
import { renderProfile } from "../report/index.ts";
import { buildSpec, loadSpec, shippedSpecs } from "../spec/index.ts";
import { assertWritable } from "./comparison-folder.ts";
import { type CallOf, defineSeqlabCommand } from "./frame/command.ts";
import { printData, printJson } from "./frame/output.ts";
import { wholeNumber } from "./frame/values.ts";
import { packageVersion } from "./frame/version.ts";
import { profileText } from "./profile-text.ts";
import { writeReport } from "./report-file.ts";

const profileOptions = {
  decode: { type: "boolean", description: "a decoding step instead of a training step", default: false },
  batch: { type: "string", valueHint: "N", description: "sequences at a time (default: 8; 1 of decoding)" },
  length: {
    type: "string",
    valueHint: "N",
    description: "tokens of a training sequence, or behind which a token is decoded",
    default: "256",
  },
  steps: { type: "string", valueHint: "N", description: "steps that are timed", default: "10" },
  vocab: { type: "string", valueHint: "N", description: "entries of the tokenizer", default: "1024" },
  threads: { type: "string", valueHint: "N", description: "threads of the engine (default: all cores)" },
  report: { type: "string", valueHint: "FILE", description: "the page", default: "seqlab-profile.html" },
} as const;

type Call = CallOf<typeof profileOptions>;

export const profileCommand = defineSeqlabCommand({
  name: "profile",
  summary: "time and bytes per op and per block of a training or decoding step; a flame chart",
  about: [
    "Runs a spec's training step (forward, backward, AdamW) or decoding step, with parameters at their start and noise for data, and reads ONNX Runtime's own profile of every kernel. Costs are those of the fastest step, mapped to the parts of the model: layers and what stands between them, forward and backward. Matrix products are held against the fastest product that this machine does, timed in the same process.",
  ],
  operands: [
    {
      name: "SPEC",
      count: "one",
      description: `a shipped spec (${shippedSpecs().join(", ")}) or a file, JSON or YAML`,
    },
  ],
  options: profileOptions,
  examples: [
    { command: "seqlab profile llama", effect: "a training step; the page is seqlab-profile.html" },
    { command: "seqlab profile my-spec.yaml --batch 4 --length 512 --threads 1 --json", effect: "your own, as JSON" },
    { command: "seqlab profile mamba-2 --decode --length 4096", effect: "one token behind 4,096" },
  ],
  async run({ args, operands: [name] }) {
    const options = optionsOf(args);
    assertWritable(args.report);
    const tokens = wholeNumber("vocab", args.vocab, { most: 100_000_000 });
    const profile = await profileModel(buildSpec(loadSpec(name!), { tokens }), options);
    const machine = describeMachine(profile.threads).cpu;
    writeReport(args.report, renderProfile({ profile, machine, seqlab: packageVersion() }));
    if (args.json) printJson(profile);
    else printData(profileText(profile, { report: resolve(args.report) }));
  },
});

function optionsOf({ decode, batch, length, steps, threads }: Call["args"]): ProfileOptions {
  return {
    kind: decode ? "decode" : "train",
    ...(batch !== undefined && { batch: wholeNumber("batch", batch, { most: 65_536 }) }),
    length: wholeNumber("length", length, { most: 1_048_576 }),
    steps: wholeNumber("steps", steps, { most: 1000 }),
    threads: threads === undefined ? availableParallelism() : wholeNumber("threads", threads, { most: 1024 }),
  };
}
