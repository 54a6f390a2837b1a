import { z } from "zod";
import { type Family, families } from "../blocks/index.ts";
import { placements, wirings } from "../model/index.ts";
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

const mixer = unionOf(family("mixers")).describe("token mixer");
const channel = unionOf(family("channels"))
  .default({ kind: "none" })
  .describe("channel mixer; none leaves the sublayer out");
const norm = unionOf(family("norms"));
const residual = unionOf(family("residuals"));
const placement = z.enum(placements);
const wiring = z.enum(wirings);

const placementMeaning =
  "where a sublayer's norms stand: pre on its input, post after the residual sum, peri on its input and its output, res-post on its output, none";
const wiringMeaning =
  "serial: the channel mixer reads the mixer's sum; parallel: both read the layer's input through one norm and are added together";

/** Options that a layer may set for itself; else `defaults` hold. */
const layerOptions = {
  norm: norm.optional().describe("norm of both sublayers"),
  placement: placement.optional().describe(placementMeaning),
  residual: residual.optional().describe("how a sublayer's output joins its input"),
  wiring: wiring.optional().describe(wiringMeaning),
};

const layerDefaults = z.strictObject({
  norm: norm.prefault({ kind: "rmsnorm" }).describe("norm of both sublayers, and after the last layer"),
  placement: placement.default("pre").describe(placementMeaning),
  residual: residual.prefault({ kind: "add" }).describe("how a sublayer's output joins its input"),
  wiring: wiring.optional().describe(wiringMeaning),
});

const layerFields = { mixer, channel, ...layerOptions };
const layer = z.strictObject(layerFields);
const repeated = z.strictObject({
  ...layerFields,
  repeat: z.int().positive().max(1000).default(1).describe("equal layers in a row"),
});
const pattern = z.strictObject({
  pattern: z.string().min(1).max(10_000).describe('names of parts in order, "m*7 a" for seven m and one a'),
  parts: z.record(z.string(), layer).describe("layers by the names the pattern uses"),
});

const withPositions = (members: readonly PartSchema[]) =>
  unionOf(
    members.map(
      (member) =>
        member.extend({
          positions: unionOf(embeddable()).prefault({ kind: "none" }).describe("position scheme added to embeddings"),
        }) as unknown as PartSchema,
    ),
  );

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
  layers: z.union([z.array(repeated).min(1).max(1000), pattern]).describe("the stack, bottom to top"),
  norm: norm.optional().describe("after the last layer; the layers' default norm if left out"),
  head: unionOf(family("heads")).prefault({ kind: "lm" }).describe("vectors to logits"),
  dropout: z.number().min(0).lt(1).default(0).describe("probability of dropping an element in training"),
  objective: unionOf(Object.entries(objectives).map(([kind, declaration]) => partSchema(kind, declaration)))
    .prefault({ kind: "next-token" })
    .describe("what the model is trained for"),
});

/** A spec with its sugar, every value known to be legal in itself. */
export type ParsedSpec = z.output<typeof specSchema>;

/** The schema of one part by slot, for messages and forms. */
export const slotKinds: Readonly<Record<string, readonly string[]>> = {
  mixer: Object.keys(families.mixers),
  channel: Object.keys(families.channels),
  norm: Object.keys(families.norms),
  residual: Object.keys(families.residuals),
  positions: Object.keys(families.positions),
  embedding: Object.keys(families.embeddings),
  head: Object.keys(families.heads),
  objective: Object.keys(objectives),
};
