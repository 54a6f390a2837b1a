/** state-spaces/mamba's reference scan: [B, channels, time]; input and output maps constant, shared, or by groups of channels. */

import { concat, silu, type Tensor } from "../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { selectiveScan } from "./selective-scan.ts";

function build(c: GoldenCase): GoldenGraph {
  const timeMajor = (x: Tensor) => x.transpose([2, 0, 1]);
  const bias = c.maybe("param.delta_bias");
  const raw = bias ? c.tensor("in.delta").add(bias.unsqueeze(1)) : c.tensor("in.delta");
  const u = c.tensor("in.u");
  const delta = c.flag("softplus") ? raw.softplus() : raw;
  const { y, h } = byGroups(c, { u, delta });
  const skipped = timeMajor(u).mul(c.tensor("param.D")).add(y);
  const z = c.maybe("in.z");
  const gated = z ? skipped.mul(silu(timeMajor(z))) : skipped;
  return { outputs: { "out.y": gated.transpose([1, 2, 0]), "state.out.state": h } };
}

/** Channels of one group read the same maps; constant maps [channels, N] are a group for every channel. */
function byGroups(c: GoldenCase, { u, delta }: { u: Tensor; delta: Tensor }): { y: Tensor; h: Tensor } {
  const [batch, channels, time] = u.shape as [number, number, number];
  const maps = (name: string) => {
    const constant = c.maybe(`param.${name}`);
    if (constant)
      return constant
        .unsqueeze(-1)
        .unsqueeze(0)
        .expand([batch, ...constant.shape, time]);
    return c.tensor(`in.${name}`).reshape([batch, -1, c.number("N"), time]);
  };
  const [B, C] = [maps("B"), maps("C")];
  const size = channels / B.dim(1);
  const parts = Array.from({ length: B.dim(1) }, (_, group) => {
    const cut = (x: Tensor) => x.slice(1, group * size, (group + 1) * size).transpose([2, 0, 1]);
    const map = (x: Tensor) => x.at(1, group).transpose([2, 0, 1]);
    const A_NI = c
      .tensor("param.A")
      .slice(0, group * size, (group + 1) * size)
      .transpose([1, 0]);
    return selectiveScan({ delta_TBI: cut(delta), u_TBI: cut(u), A_NI, B_TBN: map(B), C_TBN: map(C) });
  });
  return {
    y: concat(
      2,
      parts.map(({ y_TBI }) => y_TBI),
    ),
    h: concat(
      1,
      parts.map(({ h_BNI }) => h_BNI.transpose([0, 2, 1])),
    ),
  };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "selective-scan-ref", build }];
