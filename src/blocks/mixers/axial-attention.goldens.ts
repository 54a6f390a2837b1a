/** The axial-attention package on images, channels first. */
import { concat } from "../../tensor/index.ts";
import { storedIo, storedWeight } from "../../testing/goldens/attention-of.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { axialAttention } from "./axial-attention.ts";

function build(c: GoldenCase): GoldenGraph {
  const x_BDRS = c.tensor("in.x");
  const [B, D, R, S] = x_BDRS.shape as [number, number, number, number];
  const o = c.config.args as { heads: number; sum_axial_out?: boolean };
  const config = axialAttention.config.parse({ heads: o.heads, joined: o.sum_axial_out === false ? "in-turn" : "sum" });
  const maps = (i: number, name: string) => {
    const at = (part: string) => c.tensor(`param.axial_attentions.${i}.fn.${part}`);
    return {
      [`${name}Qkv`]: concat(0, [at("to_q.weight"), at("to_kv.weight")]).transpose([1, 0]),
      [`${name}Out`]: at("to_out.weight").transpose([1, 0]),
      [`${name}OutBias`]: at("to_out.bias"),
    };
  };
  const tensors = Object.entries({ ...maps(0, "down"), ...maps(1, "along") });
  const p = Object.fromEntries(tensors.map(([name, tensor]) => [name, storedWeight(tensor)])) as never;
  const d = axialAttention.dims(config, D);
  const x_BTD = x_BDRS.reshape([B, D, R * S]).swap(1, 2);
  const { y } = axialAttention.forward(x_BTD, { c: config, d, p, s: {}, b: {}, io: storedIo({ grid: [R, S] }) });
  return { outputs: { "out.y": y.swap(1, 2).reshape(x_BDRS.shape) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "axial-attention", build }];
