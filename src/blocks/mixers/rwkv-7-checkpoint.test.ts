import { expect, it } from "vitest";
import { runReference } from "../../engine/index.ts";
import { input, layerNorm, type Tensor } from "../../tensor/index.ts";
import type { Mixer } from "../define.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";
import { rwkv7 } from "./rwkv-7.ts";
import { rwkvChannelMix } from "./rwkv-channel-mix.ts";
import {
  checkpointPath,
  checkpointsMissing,
  expectLogits,
  parametersOf,
  promptBytes,
  readRwkvFile,
} from "./rwkv-checkpoint.fixture.ts";

const name = "7v0-834K";

/** Layer by layer, the first layer's values handed to the others. */
function logitsOf(width: number, layers: number): Tensor {
  const io = goldenIo();
  let handed: Readonly<Record<string, Tensor>> = {};
  const mix = (stream: Tensor, layer: number, { mixer, options }: { mixer: unknown; options: object }) => {
    const m = mixer as Mixer;
    const c = m.config.parse(options);
    const d = m.dims(c, width);
    const leaf = (path: string, shape: readonly number[]) => weightOf(input(`layers.${layer}.${path}`, shape));
    const p = Object.entries(m.params(d, c)).map(([key, { shape }]) => [key, leaf(`mixer.${key}`, shape)]);
    const [gain, bias] = ["gain", "bias"].map((key) => leaf(`mixerNorm.${key}`, [width]).tensor) as [Tensor, Tensor];
    const at = { c, d, p: Object.fromEntries(p), b: {}, s: {}, io: { ...io, handed } };
    const result = m.forward(layerNorm(stream, gain, bias), at);
    if ("handed" in result) handed = result.handed ?? {};
    return stream.add(result.y);
  };
  let x = input("embedding.table", [256, width]).gather(0, input("ids", [1, promptBytes.length], "i32"));
  for (let layer = 0; layer < layers; layer++) {
    x = mix(x, 2 * layer, { mixer: rwkv7, options: { heads: 1, valueMix: layer > 0 } });
    x = mix(x, 2 * layer + 1, { mixer: rwkvChannelMix, options: { gate: false } });
  }
  const normed = layerNorm(x.at(1, -1), input("norm.gain", [width]), input("norm.bias", [width]));
  return normed.matmul(input("head.out", [width, 256]));
}

it.skipIf(checkpointsMissing)(`the published rwkv-7 ${name} gives its known logits`, () => {
  const file = readRwkvFile(checkpointPath(name));
  const feeds = { ...Object.fromEntries(parametersOf(file, "rwkv-7")), ids: promptBytes };
  const [logits] = runReference([logitsOf(file.width, file.layers)], feeds);
  expectLogits(logits!, name);
  expect(logits).toHaveLength(256);
});
