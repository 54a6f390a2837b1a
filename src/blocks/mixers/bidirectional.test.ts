import { expect, test } from "vitest";
import { buildModel } from "../../model/index.ts";
import { canonicalSpec } from "../../spec/index.ts";
import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { bidirectional } from "./bidirectional.ts";
import { add, affine, naiveLstmCell, overTime, sigmoid, zerosOf } from "./rnn-naive.ts";

type Arguments = NaiveMixerArguments<
  ReturnType<typeof bidirectional.config.parse>,
  Record<string, unknown>,
  Record<string, Loose>
>;

/** One direction over one sequence, by the inner mixer's own equation. */
type Course = (x: number[][], p: (name: string) => Loose, dt: number[]) => number[][];

const lstm: Course = (x, p) => {
  const H = p("recurrent").length;
  const { y } = overTime([x], {
    given: undefined,
    start: { h: zerosOf(H), c: zerosOf(H) },
    step: (token, { h, c }) => {
      const next = naiveLstmCell(add(affine(token, p("input"), p("bias")), affine(h, p("recurrent"))), c);
      return { y: next.h, s: next };
    },
  });
  return (y as unknown as number[][][])[0]!;
};

const minGru: Course = (x, p) => {
  let h = zerosOf(p("gate")[0]!.length);
  return x.map((token) => {
    const [z, raw] = [affine(token, p("gate")).map(sigmoid), affine(token, p("candidate"))];
    h = h.map((value, i) => (1 - z[i]!) * value + z[i]! * (raw[i]! < 0 ? sigmoid(raw[i]!) : raw[i]! + 0.5));
    return h;
  });
};

/** CfC of mode no_gate without backbone: the time it sees backwards is that until the next token. */
const cfc: Course = (x, p, dt) => {
  const H = p("recurrent").length;
  let h = zerosOf(H);
  return x.map((token, t) => {
    const units = add(affine(token, p("input"), p("bias")), affine(h, p("recurrent")));
    h = h.map((_, j) => {
      const gate = sigmoid(units[2 * H + j]! * dt[t]! + units[3 * H + j]!);
      return Math.tanh(units[j]!) + gate * Math.tanh(units[H + j]!);
    });
    return h;
  });
};

const courses: Readonly<Record<string, Course>> = { lstm, "min-gru": minGru, cfc };

function naive({ x, p, c, dt }: Arguments) {
  const course = courses[c.mixer.kind]!;
  const y = x.map((rows, b) => {
    const at = (direction: string) => (name: string) => p[`${c.shared ? "ahead" : direction}.${name}`]!;
    const ahead = course(rows, at("ahead"), dt![b]!);
    const reversed = [1, ...[...dt![b]!.slice(1)].reverse()];
    const back = course([...rows].reverse(), at("back"), reversed).reverse();
    return rows.map((_, t) => (p.out ? affine([...ahead[t]!, ...back[t]!], p.out) : add(ahead[t]!, back[t]!)));
  });
  return { y };
}

mixerSuite(bidirectional, {
  configs: [
    {},
    { mixer: { kind: "min-gru" }, combine: "add" },
    {
      mixer: { kind: "cfc", mode: "no_gate", backboneLayers: 0, activation: "tanh", mixedMemory: false },
      combine: "add",
      shared: true,
    },
  ],
  naive,
  width: 4,
});

const layer = (mixer: object) => ({
  name: "m",
  width: 8,
  layers: [{ mixer }],
  objective: { kind: "masked-diffusion" },
});

test("a mixer that looks ahead by itself is refused", () => {
  const build = (mixer: object) =>
    buildModel(canonicalSpec(layer({ kind: "bidirectional", mixer })), { vocabulary: 4 });
  expect(() => build({ kind: "fnet" })).toThrow(
    /expected a causal mixer, got one whose flow is bidirectional.*E_BIDIRECTIONAL/,
  );
  expect(build({ kind: "gru" }).flow).toBe("bidirectional");
});

test("each direction has a mixer's parameters, or both share them", () => {
  const count = (shared: boolean) =>
    Object.keys(bidirectional.params(bidirectional.dims(parsed(shared), 8), parsed(shared))).length;
  const parsed = (shared: boolean) => bidirectional.config.parse({ mixer: { kind: "gru" }, combine: "add", shared });
  expect(count(false)).toBe(2 * count(true));
});
