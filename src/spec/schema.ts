import { z } from "zod";
import { type Families, type Family, families } from "../blocks/index.ts";
import { bridges, initSchemes, type Placement, placements, roundSteps, wirings } from "../model/index.ts";
import { plainOdeMethods } from "../ops/index.ts";
import { objectives } from "./objectives.ts";

type PartSchema = z.ZodObject<{ kind: z.ZodLiteral<string> }>;

/** A component's config with its kind, as it stands in a spec. */
function partSchema(kind: string, { config, title }: { config: unknown; title: string }): PartSchema {
  const own = config as z.ZodObject;
  return own.extend({ kind: z.literal(kind).describe(title) }) as unknown as PartSchema;
}

function unionOf(members: readonly PartSchema[]): z.ZodType<{ kind: string }> {
  return z.discriminatedUnion("kind", members as [PartSchema, ...PartSchema[]]);
}

function family(name: Family): PartSchema[] {
  return Object.entries(families[name]).map(([kind, component]) => partSchema(kind, component));
}

const readsMemory = ([, { reads }]: [string, Families["mixers"]]): boolean => reads?.includes("memory") === true;
const mixersWhere = (keep: (entry: [string, Families["mixers"]]) => boolean) =>
  unionOf(
    Object.entries(families.mixers)
      .filter(keep)
      .map(([kind, component]) => partSchema(kind, component)),
  );

const mixer = mixersWhere((entry) => !readsMemory(entry)).describe("token mixer");
const cross = mixersWhere(readsMemory);
const channel = unionOf(family("channels"))
  .default({ kind: "none" })
  .describe("channel mixer; none leaves the sublayer out");
const norm = unionOf(family("norms"));
const residual = unionOf(family("residuals"));
/** `sandwich` is CogView's name of peri. */
const placementNames = placements.flatMap((name) => (name === "peri" ? [name, "sandwich" as const] : [name]));
const placement = z.enum(placementNames).transform((name): Placement => (name === "sandwich" ? "peri" : name));
const wiring = z.enum(wirings);

const placementMeaning =
  "where a sublayer's norms stand: pre on its input, post after the residual sum, peri (also called sandwich) on its input and its output, res-post on its output, pre-and-post on its input and after the sum, none";
const wiringMeaning =
  "serial: the channel mixer reads the mixer's sum; parallel: all sublayers read the layer's input through one norm and are added together; parallel-norms: each through a norm of its own";

/** Options that a layer may set for itself; else `defaults` hold. */
const layerOptions = {
  norm: norm.optional().describe("norm of both sublayers"),
  placement: placement.optional().describe(placementMeaning),
  residual: residual.optional().describe("how a sublayer's output joins its input"),
  wiring: wiring.optional().describe(wiringMeaning),
};

/** Names of sublayers are parts of parameters' paths. */
const sublayerName = z.string().regex(/^[a-z][a-zA-Z0-9]{0,30}$/);

/** A layer's sublayers in another order, with options of their own, and more of them than the usual ones. */
const arrangement = {
  order: z
    .array(sublayerName)
    .min(1)
    .max(32)
    .optional()
    .describe("names of all sublayers in the order of computation; left out: mixer, cross, channel"),
  sublayers: z
    .record(
      sublayerName,
      z.strictObject({
        mixer: mixer.optional().describe("what a further sublayer computes: a token mixer"),
        channel: unionOf(family("channels")).optional().describe("or a channel mixer"),
        norm: norm.optional().describe("left out: the layer's"),
        placement: placement.optional().describe("left out: the layer's"),
        residual: residual.optional().describe("left out: the layer's"),
      }),
    )
    .optional()
    .describe("by name, options of mixer, cross or channel, and further sublayers, which `order` then names"),
};

const layerDefaults = z.strictObject({
  norm: norm.prefault({ kind: "rmsnorm" }).describe("norm of both sublayers, and after the last layer"),
  placement: placement.default("pre").describe(placementMeaning),
  residual: residual.prefault({ kind: "add" }).describe("how a sublayer's output joins its input"),
  wiring: wiring.optional().describe(wiringMeaning),
});

const weights = z
  .int()
  .nonnegative()
  .optional()
  .describe("index of the earlier, equal layer whose weights this one uses; left out: its own");

const halt = z.strictObject({
  threshold: z.number().positive().max(1).default(0.99).describe("sum of probabilities at which a token stops"),
  cost: z.number().min(0).default(0.01).describe("weight in the loss of the rounds that tokens take"),
});

const count = z.int().positive().max(1000);

const discretise = z.literal(true);

const solver = z.strictObject({
  method: z.enum(plainOdeMethods).describe("explicit Runge–Kutta method; rk4 is the 3/8 rule"),
  size: z.number().positive().default(1).describe("size of a step; 1 with euler is the plain loop"),
});

/** What a loop with a step or a halt becomes when its layers are written out. */
const rounds = z
  .strictObject({
    start: z.int().nonnegative().describe("index of the first layer of the first round"),
    length: count.describe("layers of a round"),
    times: count.describe("rounds"),
    step: z.enum(roundSteps).default("none").describe("as in loop"),
    discretise: discretise.optional().describe("as in loop"),
    solver: solver.optional().describe("as in loop; a step takes as many rounds as the method has stages"),
    halt: halt.optional().describe("as in loop"),
  })
  .optional()
  .describe("layers that are rounds of one another: the canonical form of a loop with step or halt");

const loop = z
  .strictObject({
    times: z.int().positive().max(1000).describe("rounds"),
    from: z.int().nonnegative().default(0).describe("index of the first layer of a round"),
    to: z.int().nonnegative().optional().describe("index of the last layer of a round; default: the last of all"),
    step: z
      .enum(roundSteps)
      .default("none")
      .describe(
        "what is added to the stream in front of each round: nothing, sines of its number, or these and the embedding's positions again (Universal Transformer)",
      ),
    discretise: discretise
      .optional()
      .describe("behind every round but the last, states become the nearest rows of the embedding's table"),
    solver: solver
      .optional()
      .describe(
        "what a round adds is the slope of an equation x' = f(x): each of the `times` is a step of this method; left out: plain rounds",
      ),
    halt: halt.optional().describe("tokens stop after as many rounds as they need; left out: all rounds"),
  })
  .optional()
  .describe("layers that run several times after one another with the same weights");

/** The stack from layers of these fields: a list with repeats, or names in a pattern. */
function layersOf<T extends typeof encoderFields>(fields: T) {
  const layer = z.strictObject({ ...fields, weights });
  const repeated = layer.extend({
    repeat: z.int().positive().max(1000).default(1).describe("equal layers in a row"),
    share: z.boolean().default(false).describe("whether the repeats use one set of weights"),
  });
  const pattern = z.strictObject({
    pattern: z.string().min(1).max(10_000).describe('names of parts in order, "m*7 a" for seven m and one a'),
    parts: z.record(z.string(), layer).describe("layers by the names the pattern uses"),
  });
  return z.union([z.array(repeated).min(1).max(1000), pattern]);
}

const encoderFields = { mixer, channel, ...layerOptions, ...arrangement };
const decoderFields = {
  ...encoderFields,
  cross: cross.optional().describe("between mixer and channel mixer: reads the encoder's output"),
};

const withPositions = (members: readonly PartSchema[]) =>
  unionOf(
    members.map(
      (member) =>
        member.extend({
          positions: unionOf(embeddable()).prefault({ kind: "none" }).describe("position scheme added to embeddings"),
          norm: norm.optional().describe("norm of the sum of embedding and positions; left out: none"),
        }) as unknown as PartSchema,
    ),
  );

const route = z
  .strictObject({
    from: z.int().nonnegative().describe("index of the first layer that some tokens go around"),
    to: z.int().nonnegative().describe("index of the last one; behind it they are back in their places"),
    ratio: z.number().min(0).lt(1).default(0.5).describe("share of each sequence's tokens, drawn at every step"),
  })
  .optional()
  .describe("in training some tokens go around these layers, unchanged (TREAD); left out: none");

const several = {
  route,
  streams: unionOf(family("streams"))
    .optional()
    .describe("several residual streams in the place of one and of the layers' residual; left out: one"),
  history: unionOf(family("histories"))
    .optional()
    .describe("what layers read of earlier ones; left out: each starts from what the one below left"),
};

const encoder = () =>
  z.strictObject({
    embedding: unionOf(family("embeddings")).optional().describe("left out: the decoder's table serves both"),
    positions: unionOf(embeddable()).optional().describe("left out: the decoder's scheme, with weights of its own"),
    layers: layersOf(encoderFields).describe("the stack, bottom to top"),
    loop,
    rounds,
    ...several,
    norm: norm.optional().describe("after the last layer; the layers' default norm if left out"),
    bridge: z
      .enum(bridges)
      .default("none")
      .describe("state: final states of encoder layer i start decoder layer i of the same kind"),
  });

/** Position schemes that act on embeddings. */
function embeddable(): PartSchema[] {
  const entries = Object.entries(families.positions).filter(
    ([kind, { embed }]) => embed !== undefined || kind === "none",
  );
  return entries.map(([kind, component]) => partSchema(kind, component));
}

/** A spec as a person writes it: sugar and omissions allowed. */
export const specSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/)
    .describe("short name: lower-case letters, digits, . _ -"),
  title: z.string().max(200).optional().describe("one line for people"),
  width: z.int().positive().max(65_536).describe("D, width of the residual stream"),
  embedding: withPositions(family("embeddings")).prefault({ kind: "token" }).describe("ids to vectors"),
  defaults: layerDefaults.prefault({}).describe("options of every layer that does not set its own"),
  encoder: encoder()
    .optional()
    .describe("a second stack that reads the source; layers with `cross` look at its output"),
  layers: layersOf(decoderFields).describe("the stack, bottom to top"),
  loop,
  rounds,
  ...several,
  norm: norm.optional().describe("after the last layer; the layers' default norm if left out"),
  head: unionOf(family("heads")).prefault({ kind: "lm" }).describe("vectors to logits"),
  heads: z
    .array(
      z.strictObject({
        head: unionOf(family("heads").filter(({ shape }) => shape["kind"].value === "lm")).describe(
          "vectors to logits",
        ),
        ahead: z
          .int()
          .min(2)
          .max(64)
          .default(2)
          .describe("which coming token it answers; the main head answers the next, 1"),
        weight: z.number().positive().default(1).describe("of its loss in the sum that is trained"),
      }),
    )
    .max(16)
    .optional()
    .describe("heads beside the main one that answer tokens further ahead, in training only (multi-token prediction)"),
  ties: z
    .array(z.string().min(1).max(200))
    .max(64)
    .optional()
    .describe(
      'patterns of parameters that are one: those that differ only in what * or {a,b} stands for; ** is a rest that stays apart ("layers.*.mixer.positions.**")',
    ),
  init: z
    .enum(initSchemes)
    .optional()
    .describe(
      "how matrices start: variance 2 / (inputs + outputs), uniform or normal (Glorot & Bengio 2010); left out: normal with variance 1 / inputs, smaller where they write into the stream",
    ),
  dropout: z.number().min(0).lt(1).default(0).describe("probability of dropping an element in training"),
  objective: unionOf(Object.entries(objectives).map(([kind, declaration]) => partSchema(kind, declaration)))
    .prefault({ kind: "next-token" })
    .describe("what the model is trained for"),
});

/** A spec with its sugar, every value known to be legal in itself. */
export type ParsedSpec = z.output<typeof specSchema>;

/** The schema of one part by slot, for messages and forms. */
export const slotKinds: Readonly<Record<string, readonly string[]>> = {
  mixer: Object.entries(families.mixers)
    .filter((entry) => !readsMemory(entry))
    .map(([kind]) => kind),
  cross: Object.entries(families.mixers)
    .filter(readsMemory)
    .map(([kind]) => kind),
  channel: Object.keys(families.channels),
  norm: Object.keys(families.norms),
  residual: Object.keys(families.residuals),
  streams: Object.keys(families.streams),
  history: Object.keys(families.histories),
  positions: Object.keys(families.positions),
  embedding: Object.keys(families.embeddings),
  head: Object.keys(families.heads),
  objective: Object.keys(objectives),
};
