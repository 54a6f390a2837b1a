import { expect, test } from "vitest";
import { expectSameFunction, mixerSuite } from "../../testing/index.ts";
import { mixerSubject, rigOf } from "../../testing/mixer-rig.ts";
import type { Mixer } from "../define.ts";
import { type MixerChoice, mixerOf, optionsOf } from "./inner-mixer.ts";
import { naiveInner } from "./inner-naive.fixture.ts";
import { multi } from "./multi.ts";

const width = 8;

mixerSuite(multi, {
  configs: [
    { mixer: { kind: "min-gru" }, copies: 3 },
    { mixer: { kind: "attention", heads: 2 }, join: "slices" },
    { mixer: { kind: "attention", heads: 2, window: 3 }, join: "add" },
    { mixer: { kind: "attention", heads: 2, causal: false } },
  ],
  width,
  naive: ({ x, c, ...at }) => {
    const W = c.join === "slices" ? width / c.copies : width;
    const parts = Array.from({ length: c.copies }, (_, i) => {
      const own = x.map((rows) => rows.map((row) => (c.join === "slices" ? row.slice(i * W, (i + 1) * W) : row)));
      return naiveInner({ name: `copy${i}`, choice: c.mixer, width: W }, own, at as never);
    });
    const y = x.map((rows, b) =>
      rows.map((row, t) => {
        if (c.join === "slices") return parts.flatMap((part) => part.y[b]![t]!);
        const sums = row.map((_, i) => parts.reduce((sum, part) => sum + part.y[b]![t]![i]!, 0));
        return c.join === "mean" ? sums.map((sum) => sum / c.copies) : sums;
      }),
    );
    return { y, s: Object.assign({}, ...parts.map(({ s }) => s)) };
  },
});

const plain: Omit<Parameters<typeof rigOf>[2], "width"> = { naive: () => ({ y: [] }), canonical: (s) => s };

/** A rig's run from nothing, forward and then step by step where it decodes, with inputs renamed. */
function subjectOf(mixer: Mixer, config: Record<string, unknown>, rename: (name: string) => string) {
  const rig = rigOf(mixer, config, { ...plain, width });
  const steps = rig.capabilities.state === "none" ? [] : [{ form: "step", tokens: 3 } as const];
  const { inputs, build } = mixerSubject(rig, { pieces: [{ form: "forward", tokens: 6 }, ...steps], from: "start" });
  const back = Object.fromEntries(Object.keys(inputs).map((name) => [rename(name), name]));
  return {
    names: Object.values(back),
    outer: Object.fromEntries(Object.entries(inputs).map(([name, array]) => [rename(name), array])),
    build: (at: Readonly<Record<string, Parameters<typeof build>[0][string]>>) => {
      const own = Object.fromEntries(Object.entries(at).map(([name, tensor]) => [back[name]!, tensor]));
      return Object.fromEntries(Object.entries(build(own)).map(([name, value]) => [rename(name), value]));
    },
  };
}

test("[multi-x] one of anything is the thing itself: outputs, states and gradients, in every join", () => {
  const choices: MixerChoice[] = [
    { kind: "attention", heads: 2, positions: { kind: "rope" } },
    { kind: "gla", heads: 2 },
    { kind: "mamba" },
    { kind: "lstm" },
    { kind: "fnet" },
  ];
  for (const choice of choices)
    for (const join of ["mean", "add", "slices"]) {
      const one = subjectOf(multi as unknown as Mixer, { mixer: choice, copies: 1, join }, (name) => name);
      const itself = subjectOf(mixerOf(choice), optionsOf(choice), (name) => name.replace(/^([ps])\./, "$1.copy0."));
      const inputs = one.outer;
      expect(Object.keys(itself.outer).sort()).toEqual(Object.keys(inputs).sort());
      expectSameFunction({ inputs, build: one.build }, { inputs, build: itself.build });
    }
});

test("[multi-x] n copies have n times the parameters and states; slices of a width that they do not divide are refused", () => {
  const size = (copies: number) => {
    const c = multi.config.parse({ mixer: { kind: "gla", heads: 2 }, copies });
    const d = multi.dims(c, width);
    return [Object.keys(multi.params(d, c)).length, Object.keys(multi.state(d, c)).length];
  };
  expect(size(3)).toEqual(size(1).map((count) => 3 * count));
  expect(() => rigOf(multi as unknown as Mixer, { copies: 3, join: "slices" }, { ...plain, width })).toThrow(/E_DIMS/);
  const taker = { mixer: { kind: "attention", heads: 2, valueResidual: "half" } };
  expect(() => rigOf(multi as unknown as Mixer, taker, { ...plain, width })).toThrow(
    /multi\.mixer: expected a mixer that works by itself.*takes attentionValues.*E_INNER_MIXER/,
  );
});
