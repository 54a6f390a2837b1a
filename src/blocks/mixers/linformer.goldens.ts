/** linformer's self-attention. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { linformer } from "./linformer.ts";
import { linformerCross } from "./linformer-cross.ts";
import { columnsOf, weightOf } from "./mamba-2.goldens.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";

function build(c: GoldenCase): GoldenGraph {
  const given = c.config.args as Readonly<Record<string, number | boolean | undefined>>;
  const at = (name: string) => c.tensor(`param.${name}`);
  const sharedKv = given.share_kv === true;
  const config = linformer.config.parse({
    heads: given.heads,
    slots: given.k,
    maxTokens: given.seq_len,
    oneKvHead: given.one_kv_head === true,
    sharedKv,
  });
  const p = {
    q: columnsOf(at("to_q.weight")),
    k: columnsOf(at("to_k.weight")),
    keySlots: weightOf(at("proj_k")),
    ...(!sharedKv && { v: columnsOf(at("to_v.weight")), valueSlots: weightOf(at("proj_v")) }),
    out: columnsOf(at("to_out.weight")),
    outBias: weightOf(at("to_out.bias")),
  };
  const x = c.tensor("in.x");
  const d = linformer.dims(config, x.dim(2));
  const context = c.maybe("in.context");
  const mixer = context ? linformerCross : linformer;
  const io = context ? { ...goldenIo(), memory: { x_BSD: context } } : goldenIo();
  return { outputs: { "out.y": mixer.forward(x, { c: config, d, p, s: {}, b: {}, io }).y } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "linformer", build }];
