import { expect, it } from "vitest";
import { runReference } from "../../engine/index.ts";
import { buildModel, type Model } from "../../model/index.ts";
import { canonicalSpec } from "../../spec/index.ts";
import { input, type Shape } from "../../tensor/index.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";
import {
  checkpointPath,
  checkpointsMissing,
  expectLogits,
  parametersOf,
  promptBytes,
  readRwkvFile,
} from "./rwkv-checkpoint.fixture.ts";

const checkpoints = [
  { name: "4v0-660K", kind: "rwkv-4", options: {} },
  { name: "5v2-730K", kind: "rwkv-5", options: { heads: 8, epsilon: 1e-5 } },
  { name: "7v0-834K", kind: "rwkv-7", options: { heads: 1 } },
] as const;

/** RWKV-7 draws values towards the first layer's, and its channel mix has no gate. */
function layersOf(
  { kind, options }: (typeof checkpoints)[number],
  { count, hidden }: { count: number; hidden: number },
) {
  const layer = (mixer: object) => ({ mixer, channel: { kind: "none" }, norm: { kind: "layernorm" } });
  const seven = kind === "rwkv-7";
  return Array.from({ length: count }, (_, i) => [
    layer({ kind, ...options, ...(seven && { valueMix: i > 0 }) }),
    layer({ kind: "rwkv-channel-mix", hidden, ...(seven && { gate: false }) }),
  ]).flat();
}

function build(checkpoint: (typeof checkpoints)[number]) {
  const { name, kind } = checkpoint;
  const file = readRwkvFile(checkpointPath(name));
  const hidden = file.tensors.get("blocks.0.ffn.key.weight")!.shape[0]!;
  const spec = canonicalSpec({
    name: kind,
    width: file.width,
    layers: layersOf(checkpoint, { count: file.layers, hidden }),
    norm: { kind: "layernorm" },
    head: { kind: "lm", tied: false },
  });
  return { model: buildModel(spec, { vocabulary: file.vocabulary }), parameters: parametersOf(file, kind) };
}

/** After the whole prompt at once, and after prefill of one token and steps. */
function logitsOf(model: Model) {
  const source = { weight: (path: string, { shape }: { shape: Shape }) => input(path, shape), buffer: input };
  const context = { source, io: goldenIo() };
  const { logits } = model.forward(input("ids", [1, promptBytes.length], "i32"), context);
  let last = model.forward(input("id 0", [1, 1], "i32"), context);
  for (let t = 1; t < promptBytes.length; t++)
    last = model.step(input(`id ${t}`, [1], "i32"), { ...context, state: last.state });
  return [logits.at(1, -1), last.logits];
}

for (const checkpoint of checkpoints)
  it.skipIf(checkpointsMissing)(
    `the published ${checkpoint.kind} ${checkpoint.name}, as a spec, gives its known logits at once and by steps`,
    () => {
      const { model, parameters } = build(checkpoint);
      expect([...parameters.keys()].sort()).toEqual([...model.parameters.keys()].sort());
      const ids = Object.fromEntries(promptBytes.map((id, t) => [`id ${t}`, [id]]));
      const results = runReference(logitsOf(model), { ...Object.fromEntries(parameters), ids: promptBytes, ...ids });
      for (const logits of results) expectLogits(logits, checkpoint.name);
    },
  );
