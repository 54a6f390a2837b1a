import { describe } from "vitest";
import { type MixerSuiteOptions, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { discrete, gelu, naiveRecurrence } from "./lti-naive.ts";
import { s5 } from "./s5.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof s5.config.parse>,
  ReturnType<typeof s5.dims>,
  ReturnType<typeof s5.params>
>;

const options: MixerSuiteOptions<At["c"], At["d"], ReturnType<typeof s5.params>, ReturnType<typeof s5.state>> = {
  configs: [
    { state: 3 },
    { state: 4, blocks: 2, gate: false, discretisation: "bilinear", dtMin: 0.1, dtMax: 1 },
    { state: 2, bidirectional: true },
  ],
  width: 4,
  algorithmic: ["chunk"],
  naive: ({ x, p, c, d, s, dt }) => {
    const result = naiveRecurrence({
      x,
      p,
      stored: s?.h,
      bidirectional: c.bidirectional,
      dt,
      states: (gap) =>
        Array.from({ length: d.N }, (_, n) => {
          const step = Math.exp(p.logDt[n]!) * gap;
          const { decay, input } = discrete([p.rate[n]!, p.frequency[n]!], step, c.discretisation);
          return { decay, scale: input };
        }),
    });
    const gate = (row: number[]) => {
      const g = row.map(gelu);
      return g.map((value, j) => {
        const sum = g.reduce((total, v, i) => total + v * p.gate![i]![j]!, p.gateBias![j]!);
        return value / (1 + Math.exp(-sum));
      });
    };
    return c.gate ? { ...result, y: result.y.map((rows) => rows.map(gate)) } : result;
  },
};

describe("with times between tokens", () => mixerSuite(s5, options));
describe("with steps of one length", () => mixerSuite({ ...s5, reads: ["mask_BT"] }, options));
