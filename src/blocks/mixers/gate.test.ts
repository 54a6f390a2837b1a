import { expect, test } from "vitest";
import { mixerSuite, randomNormal, run } from "../../testing/index.ts";
import { contextOf, plainIo, testedPart, withPrefix } from "../../testing/part.ts";
import type { Mixer } from "../define.ts";
import { gate } from "./gate.ts";
import { type MixerChoice, mixerOf, optionsOf } from "./inner-mixer.ts";
import { naiveInner } from "./inner-naive.fixture.ts";
import { affine, sigmoid } from "./rnn-naive.ts";

const width = 8;

mixerSuite(gate, {
  configs: [
    { mixer: { kind: "min-gru" } },
    { mixer: { kind: "attention", heads: 2 }, other: { kind: "min-gru" } },
    { mixer: { kind: "min-gru" }, other: { kind: "attention", heads: 2, causal: false } },
  ],
  width,
  naive: ({ x, c, p, s }) => {
    const at = { p, ...(s && { s }) } as never;
    const f = naiveInner({ name: "mixer", choice: c.mixer, width }, x, at);
    const g = c.other && naiveInner({ name: "other", choice: c.other, width }, x, at);
    const y = x.map((rows, b) =>
      rows.map((row, t) => {
        const open = affine(row, p["gate"] as never, p["gateBias"] as never).map(sigmoid);
        return open.map((a, i) => a * f.y[b]![t]![i]! + (1 - a) * (g?.y[b]?.[t]?.[i] ?? 0));
      }),
    );
    const decodes = c.other?.["causal"] !== false;
    return { y, ...(decodes && { s: { ...f.s, ...g?.s } }) };
  },
});

/** y of a mixer over the same x, with its parameters drawn by their own names, and the gate's offset given. */
function outputs(mixer: Mixer, options: Record<string, unknown>, own: { prefix: string; bias?: number }): Float64Array {
  const part = testedPart(mixer, options, (c) => mixer.dims(c, width));
  const drawn = Object.entries(part.parameters).map(([name, { shape }]) => {
    const bare = name.startsWith(own.prefix) ? name.slice(own.prefix.length) : name;
    const { data } = randomNormal(bare, shape, 0.4);
    return [name, { shape, data: name === "gateBias" ? data.fill(own.bias!) : data }] as const;
  });
  const inputs = { x: randomNormal("x", [2, 7, width]), ...withPrefix("p.", Object.fromEntries(drawn)) };
  const { y } = run({
    inputs,
    build: (at) => ({ y: mixer.forward(at.x!, { ...contextOf(part, at), s: {}, io: plainIo("eval") }).y }),
  });
  return Float64Array.from(y!.data);
}

test("[data-gating] an open gate (offset +∞) is f, bit for bit, a closed one g, for any mixers", () => {
  const [attention, gla, lstm]: MixerChoice[] = [
    { kind: "attention", heads: 2, positions: { kind: "rope" } },
    { kind: "gla", heads: 2 },
    { kind: "lstm" },
  ];
  for (const [f, g] of [
    [attention, undefined],
    [attention, gla],
    [gla, lstm],
    [lstm, attention],
  ] as [MixerChoice, MixerChoice | undefined][]) {
    const gated = (bias: number, prefix: string) =>
      outputs(gate as unknown as Mixer, { mixer: f, ...(g && { other: g }) }, { prefix, bias });
    const alone = (choice: MixerChoice) => outputs(mixerOf(choice), optionsOf(choice), { prefix: "" });
    expect(gated(Number.POSITIVE_INFINITY, "mixer.")).toEqual(alone(f));
    const closed = gated(-1e4, "other.");
    if (g) expect(closed).toEqual(alone(g));
    else expect(Math.max(...closed.map(Math.abs))).toBe(0);
    expect(gated(0, "mixer.")).not.toEqual(alone(f));
  }
});

test("[data-gating] the gate depends on the data, and starts as open as asked", () => {
  const c = gate.config.parse({ mixer: { kind: "min-gru" }, open: 2 });
  expect(gate.params(gate.dims(c, width), c)["gateBias"]!.init).toEqual({ kind: "constant", value: 2 });
  const part = testedPart(gate as unknown as Mixer, { mixer: { kind: "min-gru" } }, () => gate.dims(c, width));
  const { open } = run({
    inputs: { x: randomNormal("x", [1, 3, width]), ...withPrefix("p.", part.parameters) },
    build: (at) => ({
      open: gate.forward(at.x!, { ...contextOf(part, at), s: {}, io: plainIo("eval") } as never).probes!["open"]!,
    }),
  });
  const rows = [0, 1, 2].map((t) => open!.data.slice(t * width, (t + 1) * width).join());
  expect(new Set(rows).size).toBe(3);
});
