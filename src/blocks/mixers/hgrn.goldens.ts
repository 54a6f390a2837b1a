/** Elementwise gated recurrences: HGRN's from fla-core, and the simple GateLoop layer. Sources put features last. */
import { linearScan } from "../../ops/index.ts";
import { layerNorm, rmsNorm, type Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { gateloop } from "./gateloop.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";

/** The source's input already carries the input gate. */
function recurrence(c: GoldenCase): GoldenGraph {
  const { h_CBT, h_BC } = linearScan({
    a_CBT: c.tensor("in.g").exp().transpose([2, 0, 1]),
    u_CBT: c.tensor("in.x").transpose([2, 0, 1]),
    h_BC: c.maybe("state.in.S"),
  });
  return { outputs: { "out.o": h_CBT.transpose([1, 2, 0]), "state.out.S": h_BC } };
}

/** Norms before and behind the layer, which may run backwards in time. */
function simpleLayer(c: GoldenCase): GoldenGraph {
  const inTime = (x: Tensor) => (c.flag("reverse") ? x.flip(1) : x);
  const normed = c.flag("prenorm") ? rmsNorm(c.tensor("in.x"), c.tensor("param.norm.gamma"), 1e-24) : c.tensor("in.x");
  const x = inTime(normed);
  const D = c.number("dim");
  const rows = c.tensor("param.to_qkva.0.weight").split(0, [D, D, D]);
  const [query, entered, gate] = rows.map((part) => weightOf(part.transpose([1, 0])));
  const config = gateloop.config.parse({ project: false });
  const p = { query: query!, input: entered!, gate: gate! };
  const at = { c: config, d: gateloop.dims(config, D), p, b: {}, s: {}, io: goldenIo() };
  const y = inTime(gateloop.forward(x, at).y);
  const post = (name: string) => c.tensor(`param.maybe_post_ln.${name}`);
  return { outputs: { "out.y": c.flag("post_ln") ? layerNorm(y, post("weight"), post("bias")) : y } };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "hgrn", build: recurrence },
  { kind: "blocks", component: "gateloop", build: simpleLayer },
];
