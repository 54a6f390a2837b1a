import { describeModel } from "../analysis/index.ts";
import { buildSpec, loadSpec, shippedSpecs } from "../spec/index.ts";
import { describeText } from "./describe-text.ts";
import { defineSeqlabCommand } from "./frame/command.ts";
import { printData, printJson } from "./frame/output.ts";
import { wholeNumber } from "./frame/values.ts";

export const describeCommand = defineSeqlabCommand({
  name: "describe",
  summary: "parameters, FLOPs, state bytes, equations and citations of a spec",
  about: [
    "Everything is read off the spec's graph and declared shapes: nothing is trained or allocated. FLOPs count multiplications and additions apart, and every elementwise operation once.",
  ],
  operands: [
    {
      name: "SPEC",
      count: "one",
      description: `a shipped spec (${shippedSpecs().join(", ")}) or a file, JSON or YAML`,
    },
  ],
  options: {
    vocab: { type: "string", valueHint: "N", description: "entries of the tokenizer", default: "1024" },
    context: {
      type: "string",
      valueHint: "N",
      description:
        "tokens at which FLOPs are counted (default: 512, or what the model reads where that is fixed or less)",
    },
  },
  examples: [
    { command: "seqlab describe llama", effect: "a shipped spec, as a table" },
    { command: "seqlab describe my-spec.yaml --vocab 32000 --context 2048 --json", effect: "your own, as JSON" },
  ],
  async run({ args, operands: [name] }) {
    const tokens = wholeNumber("vocab", args.vocab, { most: 100_000_000 });
    const context = args.context === undefined ? undefined : wholeNumber("context", args.context, { most: 1_048_576 });
    const built = buildSpec(loadSpec(name!), { tokens });
    const description = describeModel(built, context === undefined ? {} : { context });
    if (args.json) printJson(description);
    else printData(describeText(description));
  },
});
