import { describe, expect, test } from "vitest";
import { type Arrays, mixerSuite, randomNormal, run } from "../../testing/index.ts";
import { contextOf, plainIo, testedPart, withPrefix } from "../../testing/part.ts";
import type { Mixer } from "../define.ts";
import { beside } from "./beside.ts";
import { type MixerChoice, mixerOf, optionsOf } from "./inner-mixer.ts";
import { naiveInner } from "./inner-naive.fixture.ts";

const width = 8;

mixerSuite(beside, {
  configs: [
    { mixer: { kind: "attention", heads: 2 }, other: { kind: "min-gru" }, weight: 0.3 },
    { mixer: { kind: "min-gru" }, other: { kind: "attention", heads: 2, causal: false }, weight: 2 },
  ],
  width,
  naive: ({ x, c, p, s }) => {
    const at = { p, ...(s && { s }) } as never;
    const f = naiveInner({ name: "mixer", choice: c.mixer, width }, x, at);
    const g = naiveInner({ name: "other", choice: c.other, width }, x, at);
    const y = x.map((rows, b) => rows.map((row, t) => row.map((_, i) => f.y[b]![t]![i]! + c.weight * g.y[b]![t]![i]!)));
    return { y, ...(c.other["causal"] !== false && { s: { ...f.s, ...g.s } }) };
  },
});

const windows = (shift: number): MixerChoice => ({ kind: "window-attention", heads: 2, window: 2, columns: 4, shift });
const channels: MixerChoice = { kind: "cab", columns: 4, squeeze: 4 };

/** y over a grid of 4 × 4, parameters drawn by their own names. */
function output(mixer: Mixer, options: Record<string, unknown>, prefix: string): Float64Array {
  const part = testedPart(mixer, options, (c) => mixer.dims(c, width));
  const drawn: Arrays = Object.fromEntries(
    Object.entries(part.parameters).map(([name, { shape }]) => [
      name,
      randomNormal(name.startsWith(prefix) ? name.slice(prefix.length) : name, shape, 0.4),
    ]),
  );
  const { y } = run({
    inputs: { x: randomNormal("x", [2, 16, width]), ...withPrefix("p.", drawn) },
    build: (at) => ({ y: mixer.forward(at.x!, { ...contextOf(part, at), s: {}, io: plainIo("eval") }).y }),
  });
  return Float64Array.from(y!.data);
}

describe("HAT's hybrid attention block", () => {
  const hybrid = (shift: number, weight: number) =>
    output(beside as unknown as Mixer, { mixer: windows(shift), other: channels, weight }, "mixer.");
  const swin = (shift: number) => output(mixerOf(windows(shift)), optionsOf(windows(shift)), "");

  test.each([0, 1])("[cab] with α = 0 it is the window attention of a Swin block, bit for bit; shift %i", (shift) => {
    expect(hybrid(shift, 0)).toEqual(swin(shift));
    expect(hybrid(shift, 0.01)).not.toEqual(swin(shift));
  });

  test("[hat] without convolutions beside it (α = 0) and larger windows of keys (γ = 0) a Swin block is left", () => {
    const overlapped = (overlap: number) => ({ ...optionsOf(windows(0)), overlap });
    expect(hybrid(1, 0)).toEqual(swin(1));
    // A γ of less than a cell is none.
    expect(output(mixerOf(windows(0)), overlapped(0.4), "")).toEqual(swin(0));
    expect(output(mixerOf(windows(0)), overlapped(0.5), "")).not.toEqual(swin(0));
  });

  test("[cab] what α adds is α times the block itself", () => {
    const [none, some, more] = [hybrid(0, 0), hybrid(0, 0.5), hybrid(0, 1)];
    some.forEach((value, i) => void expect(value - none[i]!).toBeCloseTo((more[i]! - none[i]!) / 2, 12));
  });
});
