/**
 * Averages whose weights e^k fade with time, kept as (average, log of the weights' sum): no exponential is taken of anything
 * positive, so any weights are safe, which num / den with a running max buys with a third state (Peng et al. 2023, appendix D).
 * Axes: B batch, T time, C channels, N chunks, L times of a chunk.
 */
import { scan, type Tensor, zeros } from "../tensor/index.ts";

/** Values of one shape averaged under weights with the sum e^logWeight. */
export interface DecayAverage {
  average: Tensor;
  logWeight: Tensor;
}

/** logWeight of an average over nothing. */
export const emptyLogWeight = -1e30;

/** The average over both. */
export function joinAverages(older: DecayAverage, newer: DecayAverage): DecayAverage {
  const ahead = newer.logWeight.sub(older.logWeight);
  return {
    average: older.average.add(newer.average.sub(older.average).mul(ahead.sigmoid())),
    logWeight: newer.logWeight.maximum(older.logWeight).add(ahead.abs().neg().softplus()),
  };
}

export interface DecayAverageInput {
  /** What each time brings: values and log-weights, [T, B, C]. */
  values: DecayAverage;
  /** What is added to earlier log-weights at each time, ≤ 0: [T, B or 1, C]. */
  logDecay: Tensor;
  /** Before the first time, [B, C]; absent means an average over nothing. */
  start?: DecayAverage | undefined;
}

/** The average before each time [T, B, C], without that time's decay, and after the last [B, C]. */
export function decayAverages({ values, logDecay, start }: DecayAverageInput): {
  before: DecayAverage;
  end: DecayAverage;
} {
  const T = values.average.dim(0);
  const from = start ?? nothing(values.average.shape.slice(1));
  if (T === 1) return { before: mapped(from, (x) => x.unsqueeze(0)), end: advance(from, at({ values, logDecay }, 0)) };
  if (T <= 16) return run(from, { values, logDecay });
  const L = Math.ceil(Math.sqrt(T));
  const chunk = (x: Tensor, fill: number) => chunked(x, L, fill);
  return inTwoLevels(from, {
    T,
    values: { average: chunk(values.average, 0), logWeight: chunk(values.logWeight, emptyLogWeight) },
    logDecay: chunk(logDecay, 0),
  });
}

/** [T, …] as [L, N, …]; times are filled up. */
function chunked(x: Tensor, L: number, fill: number): Tensor {
  const N = Math.ceil(x.dim(0) / L);
  return x
    .pad(0, 0, N * L - x.dim(0), fill)
    .reshape([N, L, ...x.shape.slice(1)])
    .swap(0, 1);
}

type Times = Pick<DecayAverageInput, "values" | "logDecay">;

/** All chunks at once as if they began with nothing, then the chunks' ends one after another: about 2√T steps. */
function inTwoLevels(from: DecayAverage, { T, values, logDecay }: Times & { T: number }) {
  const inside = run(nothing(values.average.shape.slice(1)), { values, logDecay });
  const { before: starts, end } = run(from, { values: inside.end, logDecay: logDecay.sum(0) });
  const passed = logDecay.cumsum(0, { exclusive: true });
  const before = joinAverages({ ...starts, logWeight: starts.logWeight.add(passed) }, inside.before);
  const flat = (x: Tensor) =>
    x
      .swap(0, 1)
      .reshape([-1, ...x.shape.slice(2)])
      .slice(0, 0, T);
  return { before: mapped(before, flat), end };
}

/** Step by step over axis 0. */
function run(from: DecayAverage, { values, logDecay }: Times): { before: DecayAverage; end: DecayAverage } {
  const { states, ys } = scan({
    init: [from.average, from.logWeight],
    xs: [values.average, values.logWeight, logDecay],
    step: ([average, logWeight], [value, weight, decay]) => {
      const next = advance(
        { average: average!, logWeight: logWeight! },
        { values: { average: value!, logWeight: weight! }, logDecay: decay! },
      );
      return { states: [next.average, next.logWeight], ys: [average!, logWeight!] };
    },
  });
  return {
    before: { average: ys[0]!, logWeight: ys[1]! },
    end: { average: states[0]!, logWeight: states[1]! },
  };
}

const advance = (s: DecayAverage, { values, logDecay }: Times): DecayAverage =>
  joinAverages({ ...s, logWeight: s.logWeight.add(logDecay) }, values);

const at = ({ values, logDecay }: Times, t: number): Times => ({
  values: mapped(values, (x) => x.at(0, t)),
  logDecay: logDecay.at(0, t),
});

const mapped = ({ average, logWeight }: DecayAverage, change: (x: Tensor) => Tensor): DecayAverage => ({
  average: change(average),
  logWeight: change(logWeight),
});

const nothing = (shape: readonly number[]): DecayAverage => ({
  average: zeros(shape),
  logWeight: zeros(shape).add(emptyLogWeight),
});
