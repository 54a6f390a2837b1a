import { scalar, scan, type Tensor } from "../tensor/index.ts";
import type { GradCase } from "./grad-case.ts";

const lstmStep = ([h, c]: readonly Tensor[], z: Tensor, u: Tensor) => {
  const [i, f, o, g] = z.add(h!.matmul(u)).split(-1, [3, 3, 3, 3]);
  const next = c!.mul(f!.sigmoid()).add(i!.sigmoid().mul(g!.tanh()));
  const out = o!.sigmoid().mul(next.tanh());
  return { states: [out, next], ys: [out] };
};

/** Scans by what their bodies hold. */
export const scanCases: readonly GradCase[] = [
  {
    name: "scan (LSTM, captured matrix)",
    inputs: [
      [4, 2, 12],
      [3, 12],
      [2, 3],
    ],
    build: ([z, u, h0]) => {
      const { states, ys } = scan({ init: [h0!, h0!.mul(0.5)], xs: [z!], step: (s, [zt]) => lstmStep(s, zt!, u!) });
      return ys[0]!.sum(0).add(states[1]!.square());
    },
  },
  {
    name: "scan reversed, captured vector",
    inputs: [[4, 3], [3]],
    build: ([x, a]) =>
      scan({
        init: [a!.mul(0)],
        xs: [x!],
        reverse: true,
        step: ([s], [xt]) => ({ states: [s!.mul(a!.sigmoid()).add(xt!)], ys: [s!.mul(xt!)] }),
      }).ys[0]!,
  },
  {
    name: "scan that captures two tensors of which one depends on the other",
    inputs: [[4, 3], [3]],
    build: ([x, a]) => {
      const b = a!.mul(3);
      const step = ([s]: readonly Tensor[], [xt]: readonly Tensor[]) => {
        const next = s!.add(xt!.mul(a!)).add(b).tanh();
        return { states: [next], ys: [next] };
      };
      return scan({ init: [a!.mul(0)], xs: [x!], step }).ys[0]!;
    },
  },
  {
    name: "scan inside a scan",
    inputs: [[3, 2, 3], [3]],
    build: ([x, a]) =>
      scan({
        init: [a!.mul(0)],
        xs: [x!],
        step: ([s], [rows]) => {
          const inner = scan({
            init: [s!],
            xs: [rows!],
            step: ([q], [row]) => ({ states: [q!.mul(a!).add(row!).tanh()], ys: [] }),
          });
          return { states: inner.states, ys: inner.states };
        },
      }).ys[0]!,
  },
  {
    name: "scan over nothing but a count of steps",
    inputs: [[3]],
    build: ([a]) =>
      scan({ init: [a!], xs: [], length: 3, step: ([s]) => ({ states: [s!.mul(a!).sin()], ys: [] }) }).states[0]!,
  },
  {
    name: "scan whose gradient reads nothing of it",
    inputs: [[4, 3], [3]],
    build: ([x, a]) =>
      scan({ init: [a!], xs: [x!], step: ([s], [row]) => ({ states: [s!.mul(2).add(row!)], ys: [] }) }).states[0]!,
  },
  {
    name: "scan that counts in integers beside",
    inputs: [[4, 3], [3]],
    build: ([x, a]) =>
      scan({
        init: [a!, scalar(1, "i32")],
        xs: [x!],
        step: ([s, k], [row]) => {
          const next = s!.mul(row!).add(k!.cast("f32"));
          return { states: [next, k!.add(1)], ys: [next] };
        },
      }).ys[0]!,
  },
  {
    name: "scan of no steps",
    inputs: [[0, 3], [3]],
    build: ([x, a]) =>
      scan({ init: [a!], xs: [x!], step: ([s], [row]) => ({ states: [s!.mul(row!)], ys: [] }) }).states[0]!.square(),
  },
  {
    name: "scan with a final state alone",
    inputs: [
      [4, 2, 3],
      [3, 3],
      [2, 3],
    ],
    build: ([x, w, h]) =>
      scan({
        init: [h!],
        xs: [x!],
        reverse: true,
        step: ([s], [row]) => ({ states: [s!.matmul(w!).mul(row!)], ys: [] }),
      }).states[0]!,
  },
];
