import { expect, test } from "vitest";
import { concat, constant, type Tensor } from "../tensor/index.ts";
import {
  type Arrays,
  expectNativeAgrees,
  expectSameFunction,
  randomNormal,
  run,
  type Subject,
} from "../testing/index.ts";
import { type CausalConvInput, causalConv, causalConvStep, convolveParts } from "./causal-conv.ts";

const [C, B] = [3, 2];

interface Case {
  taps: number;
  time: number;
  state: boolean;
  bias: boolean;
}

function inputs({ taps, time, state, bias }: Case): Arrays {
  return {
    x_CBT: randomNormal("inputs", [C, B, time]),
    kernel_CK: randomNormal("kernel", [C, taps]),
    ...(bias && { bias_C: randomNormal("bias", [C]) }),
    ...(state && { state_BCP: randomNormal("past", [B, C, taps - 1]) }),
  };
}

type At = Readonly<Record<string, Tensor>>;
const convolved = (given: Case, form: (at: CausalConvInput) => At): Subject => ({
  inputs: inputs(given),
  build: (at) => form(at as unknown as CausalConvInput),
});

function byTaps({ x_CBT, kernel_CK, bias_C, state_BCP }: CausalConvInput): At {
  let past = state_BCP;
  const ys = Array.from({ length: x_CBT.dim(-1) }, (_, t) => {
    const step = causalConvStep({ x_CBT: x_CBT.slice(-1, t, t + 1), kernel_CK, bias_C, state_BCP: past });
    past = step.state_BCP;
    return step.y_CBT;
  });
  return { y_CBT: concat(-1, ys), state_BCP: past! };
}

const cases: Case[] = [
  { taps: 4, time: 75, state: true, bias: true },
  { taps: 4, time: 64, state: false, bias: false },
  { taps: 4, time: 2, state: true, bias: false },
  { taps: 2, time: 33, state: false, bias: true },
  { taps: 40, time: 90, state: true, bias: true },
];

for (const given of cases) {
  test(`${JSON.stringify(given)}: all times at once equal one by one`, () =>
    expectSameFunction(
      convolved(given, (at) => ({ ...causalConv(at) })),
      convolved(given, byTaps),
    ));
  test(`${JSON.stringify(given)}: the native engine agrees`, () =>
    expectNativeAgrees(convolved(given, (at) => ({ ...causalConv(at) }))));
}

test("y_t = b + Σ_j w_j x_{t−K+1+j}", () => {
  const x_CBT = constant([1, 2, 3, 4], [1, 1, 4]);
  const { y_CBT, state_BCP } = causalConv({
    x_CBT,
    kernel_CK: constant([100, 10, 1], [1, 3]),
    bias_C: constant([0.5], [1]),
  });
  const { y, state } = run({ inputs: {}, build: () => ({ y: y_CBT, state: state_BCP }) });
  expect([...y!.data]).toEqual([1.5, 12.5, 123.5, 234.5]);
  expect([...state!.data]).toEqual([3, 4]);
});

test("parts share kernel, bias and state by position", () => {
  const given: Case = { taps: 3, time: 9, state: true, bias: true };
  const parted = ({ x_CBT, ...rest }: CausalConvInput): At => {
    const { parts, state_BCP } = convolveParts(causalConv, x_CBT.split(0, [1, 2]), rest);
    return { y_CBT: concat(0, parts), state_BCP };
  };
  expectSameFunction(
    convolved(given, parted),
    convolved(given, (at) => ({ ...causalConv(at) })),
  );
});

/** Real tokens from `start`, `length` of them, in both sequences. */
function padded({ start, length, state }: { start: number; length: number; state: boolean }): {
  masked: Subject;
  alone: Subject;
} {
  const given: Case = { taps: 4, time: 11, state, bias: true };
  const end = start + length;
  const flags = Array.from({ length: B * given.time }, (_, i) =>
    i % given.time >= start && i % given.time < end ? 1 : 0,
  );
  const masked = (at: CausalConvInput): At => {
    const { y_CBT, state_BCP } = causalConv({ ...at, mask_BT: constant(flags, [B, given.time], "bool") });
    return { y_CBT: y_CBT.slice(-1, start, end), state_BCP };
  };
  return {
    masked: convolved(given, masked),
    alone: convolved(given, (at) => ({ ...causalConv({ ...at, x_CBT: at.x_CBT.slice(-1, start, end) }) })),
  };
}

for (const state of [false, true])
  for (const [start, length] of [
    [0, 7],
    [3, 8],
    [2, 5],
    [9, 2],
    [0, 1],
  ] as const)
    test(`padding before ${start} and after ${start + length} is as if absent (${state ? "from a state" : "from nothing"})`, () => {
      const { masked, alone } = padded({ start, length, state });
      expectSameFunction(masked, alone);
    });

test("nothing but padding leaves the state as it was", () => {
  const { masked } = padded({ start: 0, length: 0, state: true });
  const { state_BCP } = run({
    inputs: masked.inputs,
    build: (at) => {
      const mask_BT = constant(new Array<number>(B * 11).fill(0), [B, 11], "bool");
      return { state_BCP: causalConv({ ...(at as unknown as CausalConvInput), mask_BT }).state_BCP };
    },
  });
  expect(state_BCP).toEqual(masked.inputs.state_BCP);
});
