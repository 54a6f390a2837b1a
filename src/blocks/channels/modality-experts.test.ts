import { expect, test } from "vitest";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import { constant } from "../../tensor/index.ts";
import { channelSuite, randomNormal, run } from "../../testing/index.ts";
import { contextOf, plainIo, testedPart, withPrefix } from "../../testing/part.ts";
import type { Channel } from "../define.ts";
import { modalityExperts } from "./modality-experts.ts";

const width = 8;
const starts = [1, 2];

/** Modalities by the first feature's sign and size: the suite has no ids to give. */
const modalityOf = (first: number): number => (first > 0.5 ? 2 : first > 0 ? 1 : 0);
const byFirstFeature: typeof modalityExperts = {
  ...modalityExperts,
  reads: [],
  capabilities: { flow: "both", length: "any", batch: "independent", smooth: "away from ties", exact: "bitwise" },
  forward(x, at) {
    const first = x.slice(-1, 0, 1);
    const ids_BT = first.greater(0).cast("i32").add(first.greater(0.5).cast("i32"));
    return modalityExperts.forward(x, { ...at, io: { ...at.io, ids_BT } });
  },
};

const times = (x: readonly number[], w: number[][], offset?: number[]): number[] =>
  w[0]!.map((_, j) => x.reduce((sum, value, i) => sum + value * w[i]![j]!, offset?.[j] ?? 0));
const silu = (a: number) => a / (1 + Math.exp(-a));

channelSuite(byFirstFeature, {
  configs: [
    { starts, net: { kind: "mlp", hidden: 5, activation: "tanh" } },
    { starts, net: { kind: "swiglu", hidden: 4 } },
  ],
  width,
  naive: ({ x, p, c }) => {
    const net = (row: number[], name: string) => {
      const own = (field: string) => p[`${name}.${field}`] as unknown as number[][];
      const offset = (field: string) => p[`${name}.${field}`] as unknown as number[] | undefined;
      if (c.net.kind === "mlp")
        return times(times(row, own("up"), offset("upBias")).map(Math.tanh), own("down"), offset("downBias"));
      const gate = times(row, own("gate")).map(silu);
      return times(
        times(row, own("up")).map((value, i) => value * gate[i]!),
        own("down"),
      );
    };
    return { y: x.map((rows) => rows.map((row) => net(row, `modality${modalityOf(row[0]!)}`))) };
  },
});

test("nets that are equal are one shared net, whatever the ids", () => {
  const channel = modalityExperts as unknown as Channel;
  const part = testedPart(channel, { starts, net: { kind: "mlp" } }, (c) => channel.dims(c, width));
  const drawn = Object.entries(part.parameters).map(([name, { shape }]) => [
    name,
    randomNormal(name.replace(/^modality\d/, "same"), shape),
  ]);
  const at = { x: randomNormal("x", [2, 3, width]), ...withPrefix("p.", Object.fromEntries(drawn)) };
  const y = (ids: readonly number[]) =>
    run({
      inputs: at,
      build: (t) => ({
        y: channel.forward(t.x!, {
          ...contextOf(part, t),
          io: { ...plainIo("eval"), ids_BT: constant(ids, [2, 3], "i32") },
        }).y,
      }),
    }).y!;
  expect(y([0, 1, 2, 5, 9, 0])).toEqual(y([0, 0, 0, 0, 0, 0]));
});

test("a model's tokens are served by their own net in training, reading and decoding; one net is active", () => {
  const layer = { mixer: { kind: "gru" }, channel: { kind: "modality-experts", starts: [4], net: { kind: "mlp" } } };
  const { model } = buildSpec(canonicalSpec({ name: "m", width, layers: [layer] }), { tokens: 9 });
  const net = [...model.parameters].filter(([path]) => path.includes("modality1"));
  const count = net.reduce((sum, [, { shape }]) => sum + shape.reduce((product, size) => product * size, 1), 0);
  expect(model.layers[0]!.parameters - model.layers[0]!.activeParameters).toBe(count);
  const features = { kind: "features", size: 2 };
  const refused = { name: "m", width, embedding: features, layers: [layer], head: { kind: "classes" } };
  expect(() => buildSpec(canonicalSpec({ ...refused, objective: { kind: "classification" } }), { tokens: 9 })).toThrow(
    /ids/,
  );
});
