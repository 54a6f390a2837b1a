/** ESMFold's updates of pair representations [B, N, N, C]: triangle multiplication and attention, and maps from and to sequences. */
import { triangleProduct } from "../../ops/index.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { biasedAttention, mapped } from "./biased-attention.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { linearOf, normOf } from "./layer-parts.fixture.ts";

const norm = (c: GoldenCase, name: string, x: Tensor) => normOf(c, name, { kind: "layer", epsilon: 1e-5 })(x);
const through = (c: GoldenCase, name: string, x: Tensor) => mapped(x, linearOf(c, name));

function multiply(c: GoldenCase): GoldenGraph {
  const z = norm(c, "layer_norm_in", c.tensor("in.z"));
  const gated = (side: "a" | "b") =>
    through(c, `linear_${side}_g`, z)
      .sigmoid()
      .mul(through(c, `linear_${side}_p`, z));
  const product = triangleProduct(gated("a"), gated("b"), c.flag("out") ? "outgoing" : "incoming");
  const y = through(c, "linear_z", norm(c, "layer_norm_out", product));
  return { outputs: { "out.y": through(c, "linear_g", z).sigmoid().mul(y) } };
}

/** Every row attends along itself with one bias for all rows; for edges that end in a node rows are columns. */
function attend(c: GoldenCase): GoldenGraph {
  const turned = (t: Tensor) => (c.flag("out") ? t : t.swap(1, 2));
  const z = norm(c, "layer_norm", turned(c.tensor("in.z")));
  const [B, N, , D] = z.shape as [number, number, number, number];
  const rows = z.reshape([B * N, N, D]);
  const heads = c.number("heads");
  const bias_BHNN = through(c, "linear", z).transpose([0, 3, 1, 2]);
  const bias = bias_BHNN
    .unsqueeze(1)
    .expand([B, N, heads, N, N])
    .reshape([B * N, heads, N, N]);
  const map = (name: string) => linearOf(c, `mha.linear_${name}`);
  const gate = mapped(rows, map("g")).sigmoid();
  const { y } = biasedAttention(rows, { q: map("q"), k: map("k"), v: map("v"), out: map("o") }, { heads, bias, gate });
  return { outputs: { "out.y": turned(y.reshape([B, N, N, D])) } };
}

/** A sequence's products and differences of every two tokens as pairs, and pairs as a bias a head. */
function sequencePair(c: GoldenCase): GoldenGraph {
  const joined = through(c, "a.proj", norm(c, "a.layernorm", c.tensor("in.s")));
  const [q, k] = joined.split(2, [joined.dim(2) / 2, joined.dim(2) / 2]) as [Tensor, Tensor];
  const [across, down] = [q.unsqueeze(1), k.unsqueeze(2)];
  const pairs = concat(3, [across.mul(down), across.sub(down)]);
  const bias = through(c, "b.linear", norm(c, "b.layernorm", c.tensor("in.z")));
  return { outputs: { "out.pair": through(c, "a.o_proj", pairs), "out.bias": bias } };
}

const parts: Readonly<Record<string, (c: GoldenCase) => GoldenGraph>> = {
  multiply,
  attention: attend,
  seq: sequencePair,
};

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "triangle", build: (c) => parts[c.text("part")]!(c) },
];
