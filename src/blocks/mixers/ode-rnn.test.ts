import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { odeRnn } from "./ode-rnn.ts";
import { add, affine, overTime, parts, sigmoid, zerosOf } from "./rnn-naive.ts";

type Arguments = NaiveMixerArguments<
  ReturnType<typeof odeRnn.config.parse>,
  ReturnType<typeof odeRnn.dims>,
  ReturnType<typeof odeRnn.params>
>;

/** Rubanova et al. 2019, algorithm 1, with the midpoint rule or Kutta's 3/8 rule. */
function naive({ x, p, c, d, s, dt }: Arguments) {
  const field = (h: readonly number[]) =>
    affine(affine(h, p.inward, p.inwardBias).map(Math.tanh), p.field, p.fieldBias);
  const ahead = (h: readonly number[], k: readonly number[], by: number) => h.map((value, i) => value + by * k[i]!);
  const solve = (h: number[], size: number): number[] => {
    const k1 = field(h);
    if (c.method === "midpoint") return ahead(h, field(ahead(h, k1, size / 2)), size);
    const k2 = field(ahead(h, k1, size / 3));
    const k3 = field(ahead(ahead(h, k1, -size / 3), k2, size));
    const k4 = field(ahead(ahead(ahead(h, k1, size), k2, -size), k3, size));
    return h.map((value, i) => value + (size / 8) * (k1[i]! + 3 * k2[i]! + 3 * k3[i]! + k4[i]!));
  };
  return overTime(x, {
    given: s as Readonly<Record<string, Loose>> | undefined,
    start: { h: zerosOf(d.H) },
    step: (token, { h }, { b, t }) => {
      let now = h;
      for (let k = 0; k < c.steps; k++) now = solve(now, dt![b]![t]! / c.steps);
      const [zx, rx, nx] = parts(affine(token, p.input, p.bias), 3);
      const [zh, rh, nh] = parts(affine(now, p.recurrent), 3);
      const [z, r] = [add(zx!, zh!).map(sigmoid), add(rx!, rh!).map(sigmoid)];
      const next = now.map((value, i) => {
        const candidate = Math.tanh(nx![i]! + r[i]! * (nh![i]! + p.candidateBias![i]!));
        return (1 - z[i]!) * value + z[i]! * candidate;
      });
      return { y: p.out ? affine(next, p.out) : next, s: { h: next } };
    },
  });
}

mixerSuite(odeRnn, {
  configs: [{}, { hidden: 3, fieldUnits: 5, method: "midpoint", steps: 2 }],
  naive,
  width: 4,
});
