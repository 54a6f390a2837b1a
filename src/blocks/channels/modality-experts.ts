/**
 * Modality experts: each kind of token has a feed-forward net of its own, chosen by the token's id; mixing over tokens stays
 * shared. Axes: B batch, T time, D model.
 */
import { z } from "zod";
import { type Tensor, where } from "../../tensor/index.ts";
import { type Channel, defineChannel, type Io } from "../define.ts";
import { nest, unnest } from "../nesting.ts";
import type { Weight } from "../weights/use.ts";
import { mlp } from "./mlp.ts";
import { swiglu } from "./swiglu.ts";

const nets = { mlp, swiglu } as unknown as Readonly<Record<string, Channel>>;
export interface NetChoice {
  readonly kind: string;
  readonly [option: string]: unknown;
}

const choices = Object.entries(nets).map(([kind, { title, config }]) =>
  (config as unknown as z.ZodObject).extend({ kind: z.literal(kind).describe(title) }),
);

const config = z.strictObject({
  starts: z
    .array(z.int().positive())
    .min(1)
    .default([9])
    .describe("ids from which the second modality reaches, the third, and so on; those below are the first's"),
  net: z
    .discriminatedUnion("kind", choices as unknown as [z.ZodObject<{ kind: z.ZodLiteral<string> }>])
    .prefault({ kind: "mlp" })
    .describe("each modality's net") as unknown as z.ZodType<NetChoice>,
});
type C = z.infer<typeof config>;
type Dims = Record<string, unknown>;

const netOf = ({ net: { kind } }: C): Channel => nets[kind]!;
const optionsOf = ({ net: { kind: _, ...options } }: C) => options;
const namesOf = ({ starts }: C): string[] => [0, ...starts].map((_, i) => `modality${i}`);
const own = (d: Dims) => unnest("net", d);
const countOf = (params: ReturnType<Channel["params"]>): number =>
  Object.values(params).reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);

/** bool over the tokens of x, with a last axis of 1: those of modality i. */
function members({ starts }: C, i: number, x: Tensor, ids_BT: Tensor): Tensor {
  const ids = ids_BT.reshape([...x.shape.slice(0, -1), 1]);
  const from = i === 0 ? undefined : ids.greaterEqual(starts[i - 1]!);
  const below = i === starts.length ? undefined : ids.less(starts[i]!);
  return from && below ? from.and(below) : (from ?? below)!;
}

export const modalityExperts = defineChannel({
  kind: "modality-experts",
  title: "A net for each modality",
  cite: { arxiv: "2111.02358", by: "Bao et al. 2022 (VLMo), section 3.2" },
  patterns: ["multi-x"],
  equations: ["y_t = F_m(x_t),  m the modality of token t, by its id"],
  config,
  dims: (c, D): Dims => ({ D, ...nest("net", netOf(c).dims(optionsOf(c), D)) }),
  params: (d, c) =>
    Object.assign({}, ...namesOf(c).map((name) => nest(name, netOf(c).params(own(d), optionsOf(c))))) as ReturnType<
      Channel["params"]
    >,
  activeParams: (d, c) => countOf(netOf(c).params(own(d), optionsOf(c))),
  reads: ["ids_BT"],
  capabilities(c) {
    const { capabilities } = netOf(c);
    return typeof capabilities === "function" ? capabilities(optionsOf(c)) : capabilities;
  },
  forward(x, { c, d, p, io }) {
    const ys = namesOf(c).map((name, i) => {
      const at = { c: optionsOf(c), d: own(d), p: unnest<Weight>(name, p), b: {}, io: below(io, name) };
      const { y } = netOf(c).forward(x, at);
      return where(members(c, i, x, io.ids_BT!), y, 0);
    });
    return { y: ys.reduce((sum, y) => sum.add(y)) };
  },
});

const below = (io: Io, name: string): Io => ({ ...io, rng: (label) => io.rng(`${name}.${label}`) });
