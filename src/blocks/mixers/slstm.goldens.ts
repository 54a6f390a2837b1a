/** The sLSTM layer of the xlstm package. */
import { concat, full, ones, stack, type Tensor, zeros } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";
import { slstm } from "./slstm.ts";
import { emptyStabiliser } from "./slstm-cell.ts";

type At = Omit<Parameters<NonNullable<typeof slstm.step>>[1], "s">;
type State = ReturnType<NonNullable<typeof slstm.step>>["s"];

function build(c: GoldenCase): GoldenGraph {
  const x = c.tensor("in.x");
  const config = slstm.config.parse({ heads: c.number("num_heads"), conv: c.number("conv1d_kernel_size") });
  const d = slstm.dims(config, x.dim(-1));
  const at: At = { c: config, d, p: weights(c, d), b: {}, io: goldenIo() };
  const { y, s } = slstm.forward(x, { ...at, s: c.has("state.in.slstm") ? givenState(c, d) : {} });
  const B = x.dim(0);
  const flat = (t: Tensor) => t.reshape([B, d.D]);
  return {
    outputs: {
      "out.y": y,
      "state.out.slstm": stack(0, [s.h, s.c, s.n, s.m].map(flat)),
      ...(c.has("out.step") && { "out.step": steps(x, at) }),
      ...(s.conv && { "state.out.conv": s.conv.swap(1, 2) }),
    },
  };
}

/** Stored as y, c, n, m, [4, B, D], and the convolution's last inputs [B, K − 1, D]. */
function givenState(c: GoldenCase, { H, K }: At["d"]) {
  const all = c.tensor("state.in.slstm");
  const state = (index: number) => all.at(0, index).reshape([all.dim(1), H, K]);
  return { h: state(0), c: state(1), n: state(2), m: state(3), conv: c.maybe("state.in.conv")?.swap(1, 2) };
}

/** Token by token from the declared start. */
function steps(x: Tensor, at: At): Tensor {
  const { D, H, K } = at.d;
  const B = x.dim(0);
  const empty = zeros([B, H, K]);
  const conv = at.c.conv > 0 && { conv: zeros([B, D, at.c.conv - 1]) };
  let s: State = { h: empty, c: empty, n: empty, m: full([B, H, K], emptyStabiliser), ...conv };
  const ys = Array.from({ length: x.dim(1) }, (_, t) => {
    const result = slstm.step!(x.at(1, t), { ...at, s });
    s = result.s;
    return result.y.unsqueeze(1);
  });
  return concat(1, ys);
}

/** Our gates stand as i, f, o, z; the source keeps i, f, z, o, its `fgate` feeds the input gate and its `igate` the forget gate. */
function weights(c: GoldenCase, { D, H, K }: At["d"]): At["p"] {
  const read = (name: string) => c.tensor(`param.${name}`);
  const gate = (name: string) => read(`${name}.weight`).swap(1, 2);
  const gateMajor = read("slstm_cell._bias_").reshape([4, H, K]);
  const kernel = read("slstm_cell._recurrent_kernel_").reshape([H, 4, K, K]);
  const order = [0, 1, 3, 2];
  return {
    ...(c.has("param.conv1d.conv.weight") && {
      conv: weightOf(read("conv1d.conv.weight").squeeze(1)),
      convBias: weightOf(read("conv1d.conv.bias")),
    }),
    gatesConv: weightOf(concat(2, [gate("fgate"), gate("igate")])),
    gates: weightOf(concat(2, [gate("ogate"), gate("zgate")])),
    recurrent: weightOf(
      concat(
        2,
        order.map((index) => kernel.at(1, index).swap(1, 2)),
      ),
    ),
    bias: weightOf(
      stack(
        1,
        order.map((index) => gateMajor.at(0, index)),
      ).reshape([4 * D]),
    ),
    norm: weightOf(c.has("param.group_norm.weight") ? read("group_norm.weight").add(1) : ones([D])),
  };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "slstm_layer", build }];
