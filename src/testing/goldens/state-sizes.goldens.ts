/**
 * Zoology's table of state sizes, from the states that our mixers declare. The authors count all taps of a short convolution that
 * is the whole mixer, the present input among them, and leave one in front of another memory out; a decoder keeps the others of both.
 */
import type { Mixer } from "../../blocks/index.ts";
import { attention } from "../../blocks/mixers/attention.ts";
import { baseConv } from "../../blocks/mixers/base-conv.ts";
import { h3 } from "../../blocks/mixers/h3.ts";
import { hyena } from "../../blocks/mixers/hyena.ts";
import { linearAttention } from "../../blocks/mixers/linear-attention.ts";
import type { GoldenAdapter } from "./adapter.ts";

interface Row {
  mixer: string;
  d_model: number;
  sequence_length: number;
  num_heads: number;
  feature_dim: number;
  kernel_size: number;
  l_max: number;
  d_state: number;
  block_size: number;
}

interface Counted {
  mixer: unknown;
  options: Readonly<Record<string, unknown>>;
  /** Fields of the state that the authors count; absent: all. */
  fields?: readonly string[];
  /** Numbers that they count although a decoder need not keep them. */
  besides?: number;
}

const rows: Readonly<Record<string, (row: Row) => Counted>> = {
  "attention.MHA": (row) => ({ mixer: attention, options: { heads: row.num_heads } }),
  "slide_attn.SlidingAttn": (row) => ({ mixer: attention, options: { heads: row.num_heads, window: row.block_size } }),
  "based.Based": (row) => ({
    mixer: linearAttention,
    options: { heads: row.num_heads, featureMap: "taylor", keySize: row.feature_dim },
  }),
  "base_conv.BaseConv": (row) =>
    row.kernel_size > 0
      ? { mixer: baseConv, options: { filter: "short", taps: row.kernel_size }, besides: row.d_model }
      : { mixer: baseConv, options: { filter: "implicit", maxTokens: row.l_max } },
  "hyena.Hyena": (row) => ({ mixer: hyena, options: { maxTokens: row.l_max }, fields: ["past"] }),
  "h3.h3.H3": (row) => ({ mixer: h3, options: { state: row.d_state }, fields: ["x"] }),
};

/** Elements of a state's fields after so many tokens, as the mixer declares them. */
function elementsOf(mixer: Mixer, row: Row, { options, fields, besides = 0 }: Counted): number {
  const c = mixer.config.parse(options);
  const states = mixer.state(mixer.dims(c, row.d_model), c);
  const counted = Object.entries(states).filter(([name]) => fields?.includes(name) ?? true);
  const shapes = counted.map(([, declared]) => {
    if ("memory" in declared) return declared.memory(row.sequence_length);
    if (!("shape" in declared)) return declared;
    if (typeof declared.shape !== "function") return declared.shape;
    const { window = row.sequence_length } = declared as { window?: number };
    return declared.shape(Math.min(row.sequence_length, window));
  });
  return shapes.reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), besides);
}

export const adapters: readonly GoldenAdapter[] = [
  {
    kind: "blocks",
    component: "state-size",
    compute(c) {
      const sizes = (c.config.cases as readonly Row[]).map((row) => {
        const counted = rows[row.mixer]!(row);
        return elementsOf(counted.mixer as Mixer, row, counted);
      });
      return { "out.size": sizes };
    },
  },
];
