import {
  type Capabilities,
  type Channel,
  families,
  type Mixer,
  type Norm,
  type ParameterDeclaration,
  type Reshape,
  type Residual,
  type StateDeclaration,
  type Streams,
} from "../blocks/index.ts";
import type { Regrid } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { ModelResult } from "./model.ts";
import { buildPart, flowOfPart, type Part, under } from "./part.ts";
import type { RecordedTurn } from "./recomputed-turns.ts";
import { assertJoins, assertUnshaped, reshapeOf } from "./reshape.ts";
import { type LayerSpec, type NormSite, normSites, type PartSpec, sublayersOf } from "./spec.ts";

type Flow = Capabilities["flow"];
type Norms = Partial<Record<NormSite, Part<Norm>>>;

/** One way through a sublayer, with norms of its own where branches do not share theirs. */
type Branch = { norms: Norms } & ({ family: "mixer"; part: Part<Mixer> } | { family: "channel"; part: Part<Channel> });

/** What stands between two states of the stream: norms around branches that are added together, and a residual. */
export interface Sublayer {
  branches: readonly Branch[];
  norms: Norms;
  residual: Part<Residual> | undefined;
  /** In the place of the residual where there are several streams. */
  streams: Part<Streams> | undefined;
  /** Where its output has another width or grid than its input. */
  reshape: Reshape | undefined;
}

export interface Layer {
  path: string;
  mixer: { part: Part<Mixer> };
  /** Reads the encoder's output. */
  cross: { part: Part<Mixer> } | undefined;
  /** Absent where the channel mixer is `none`. */
  channel: { part: Part<Channel> } | undefined;
  sublayers: readonly Sublayer[];
  /** From the stream that enters it to the one that leaves it. */
  reshape: Reshape;
  /** State path → declaration. */
  states: Record<string, StateDeclaration>;
  /** The mixer's, with the flow of all parts; a part that sees the future leaves no way to decode. */
  capabilities: Capabilities;
}

/** What a sublayer adds to the running result. */
export type Extras = Pick<ModelResult, "losses" | "buffers" | "probes" | "state"> & {
  /** What mixers hand on to those of later layers. */
  handed?: Readonly<Record<string, Tensor>>;
  /** The grid that the newest tokens form, where a mixer has made another of it. */
  reshaped?: Regrid;
  /** Turns at several streams, in their order. */
  turns?: RecordedTurn[];
};

interface Site {
  spec: PartSpec;
  path: string;
  storage: string;
  where: string;
  width: number;
  /** Of the branch that a residual joins. */
  out?: number;
}

function part<T extends Mixer | Channel | Norm | Residual>(component: T, { width, out, ...site }: Site): Part<T> {
  const dims: (c: Record<string, unknown>, width: number, out?: number) => Record<string, unknown> = component.dims;
  return buildPart<T>(component, { ...site, dims: (c) => dims(c, width, out) });
}

interface Place {
  index: number;
  width: number;
  /** Where the layers' list stands in the spec, such as `layers` or `encoder.layers`. */
  stack?: string;
  /** Of the whole stack, where it has several. */
  streams?: PartSpec | undefined;
  /** Sublayers below, plus one. */
  turn?: number;
}

export function buildLayer(spec: LayerSpec, { index, width, stack = "layers", streams, turn = 1 }: Place): Layer {
  const path = `${stack}.${index}`;
  const at: SiteOf = (name, partSpec, own = width) => ({
    spec: partSpec,
    path: `${path}.${name}`,
    storage: `${stack}.${spec.weights ?? index}.${name}`,
    where: `${stack}[${index}].${name}`,
    width: own,
  });
  const { sublayers: plain, reshape } = buildSublayers(spec, { at, width });
  if (streams)
    assertUnshaped(
      `${stack}[${index}]`,
      plain.some((one) => one.reshape),
      "several streams",
    );
  const sublayers = streams ? plain.map((one, i) => onStreams(one, { streams, turn: turn + i, at })) : plain;
  const branches = sublayers.flatMap((one) => one.branches);
  const find = <K extends Branch["family"]>(slot: string) =>
    branches.find((one) => one.part.path === `${path}.${slot}`) as Extract<Branch, { family: K }> | undefined;
  const layer = {
    path,
    mixer: find<"mixer">("mixer")!,
    cross: find<"mixer">("cross"),
    channel: find<"channel">("channel"),
  };
  return {
    ...layer,
    sublayers,
    reshape,
    states: Object.assign({}, ...mixersOf({ sublayers }).map(statesOf)),
    capabilities: layerCapabilities(layer.mixer.part, sublayers),
  };
}

type SiteOf = (name: string, spec: PartSpec, width?: number) => Site;

interface Built {
  sublayers: Sublayer[];
  reshape: Reshape;
}

function buildSublayers(spec: LayerSpec, { at, width }: { at: SiteOf; width: number }): Built {
  if (spec.wiring !== undefined && spec.wiring !== "serial")
    return { sublayers: [buildParallel(spec, at)], reshape: { width, stride: 1 } };
  const reshape = { width, stride: 1 };
  const sublayers = sublayersOf(spec).map((name) => {
    const one = buildSerial(spec, name, { at, width: reshape.width });
    if (one.reshape) Object.assign(reshape, { width: one.reshape.width, stride: reshape.stride * one.reshape.stride });
    return one;
  });
  return { sublayers, reshape };
}

/** The layer with what it says of this sublayer alone. */
const ownOf = (spec: LayerSpec, name: string): LayerSpec => ({
  ...spec,
  ...spec.sublayers?.[name],
  mixer: spec.mixer,
  channel: spec.channel,
});

function buildSerial(spec: LayerSpec, name: string, { at, width }: { at: SiteOf; width: number }): Sublayer {
  const own = ownOf(spec, name);
  const branch = { ...buildBranch(spec, name, (...site) => at(site[0], site[1], width)), norms: {} };
  const reshape = branch.family === "mixer" ? reshapeOf(branch.part, width) : undefined;
  const out = reshape?.width ?? width;
  const joined = { ...at(`${name}Residual`, own.residual, width), out };
  const residual = part<Residual>(families.residuals[own.residual.kind]!, joined);
  if (reshape) assertJoins(branch.part, residual);
  const widthAt = (site: NormSite) => (site === "input" ? width : out);
  const norms = buildNorms(own, { name, sites: normSites[own.placement], at, widthAt });
  return { branches: [branch], norms, residual, streams: undefined, reshape };
}

/** Branches that all read the layer's input and join it together. */
function buildParallel(spec: LayerSpec, at: SiteOf): Sublayer {
  const { wiring, norm, placement } = spec;
  const names = sublayersOf(spec);
  const [first] = names as [string];
  const { residual } = ownOf(spec, first);
  const sites: readonly NormSite[] = normSites[placement];
  const each = wiring === "parallel-norms" ? sites.filter((site) => site !== "sum") : [];
  const shared = sites.filter((site) => wiring === "parallel" || site === "sum");
  const branches = names.map((name) => ({
    ...buildBranch(spec, name, at),
    norms: buildNorms(ownOf(spec, name), { name, sites: each, at }),
  }));
  for (const { family, part: mixer } of branches)
    if (family === "mixer") {
      const { width } = at("mixer", spec.mixer);
      assertUnshaped(mixer.where, reshapeOf(mixer, width) !== undefined, `"wiring": "${wiring}"`);
    }
  return {
    branches,
    norms: buildNorms({ norm, placement }, { name: first, sites: shared, at }),
    residual: part<Residual>(families.residuals[residual.kind]!, at(`${first}Residual`, residual)),
    streams: undefined,
    reshape: undefined,
  };
}

/** A sublayer that reads and writes several streams, each time by shares of its own. */
function onStreams(
  sublayer: Sublayer,
  { streams, turn, at }: { streams: PartSpec; turn: number; at: SiteOf },
): Sublayer {
  const component = families.streams[streams.kind]!;
  const name = sublayer.branches[0]!.part.path.split(".").at(-1)!;
  const { width, ...site } = at(`${name}Streams`, streams);
  const built = buildPart<Streams>(component, { ...site, dims: (c) => component.dims(c, width, turn) });
  return { ...sublayer, residual: undefined, streams: built };
}

/** Token mixers and cross attention, in the order of computation. */
export const mixersOf = ({ sublayers }: Pick<Layer, "sublayers">): Part<Mixer>[] =>
  sublayers.flatMap(({ branches }) => branches.flatMap((branch) => (branch.family === "mixer" ? [branch.part] : [])));

/** Channel mixers, in the order of computation. */
export const channelsOf = ({ sublayers }: Pick<Layer, "sublayers">): Part<Channel>[] =>
  sublayers.flatMap(({ branches }) => branches.flatMap((branch) => (branch.family === "channel" ? [branch.part] : [])));

const statesOf = ({ path, component, d, c }: Part<Mixer>) => under(path, component.state(d, c));

/** What the sublayer of this name computes. */
function buildBranch(spec: LayerSpec, name: string, at: SiteOf) {
  const own = spec.sublayers?.[name];
  const mixer = name === "mixer" ? spec.mixer : name === "cross" ? spec.cross : own?.mixer;
  if (mixer) return { family: "mixer", part: part(families.mixers[mixer.kind]!, at(name, mixer)) } as const;
  const channel = own?.channel ?? spec.channel;
  return { family: "channel", part: part(families.channels[channel.kind]!, at(name, channel)) } as const;
}

/** The norms of a placement, by site; a second one has a name of its own. */
function buildNorms(
  { norm, placement }: Pick<LayerSpec, "norm" | "placement">,
  {
    name,
    sites,
    at,
    widthAt = () => undefined,
  }: { name: string; sites: readonly NormSite[]; at: SiteOf; widthAt?: (site: NormSite) => number | undefined },
): Norms {
  const component = families.norms[norm.kind]!;
  const second = placement === "pre-and-post";
  const suffix = (site: NormSite) => (site === "output" ? "OutNorm" : site === "sum" && second ? "SumNorm" : "Norm");
  return Object.fromEntries(
    sites.map((site) => [site, part(component, at(`${name}${suffix(site)}`, norm, widthAt(site)))]),
  );
}

function layerCapabilities(mixer: Part<Mixer>, sublayers: readonly Sublayer[]): Capabilities {
  const mixers = mixersOf({ sublayers }).map(({ component, c }) => declared(component.capabilities, c));
  const flow = strictestFlow(partsOf({ sublayers }).map(flowOfPart));
  const decodes = (flow === "causal" || flow === "both") && mixers.every((one) => one.state !== "none");
  const own = declared(mixer.component.capabilities, mixer.c);
  return { ...own, flow, state: decodes ? own.state : "none" };
}

const declared = <T>(capabilities: T | ((c: Record<string, unknown>) => T), c: Record<string, unknown>): T =>
  capabilities instanceof Function ? capabilities(c) : capabilities;

/** What holds for parts together: the first of these that any of them is. */
export function strictestFlow(flows: readonly Flow[]): Flow {
  const order: readonly Flow[] = ["bidirectional", "causal-values-only", "causal"];
  return order.find((flow) => flows.includes(flow)) ?? "both";
}

/** Every part of a layer, in the order of computation; the norm behind a sum counts before what it follows. */
export function partsOf({ sublayers }: Pick<Layer, "sublayers">): Part[] {
  return sublayers.flatMap(({ branches, norms: { input, output, sum }, residual, streams }): Part[] => {
    const inside = branches.flatMap(({ part, norms }): (Part | undefined)[] => [norms.input, part, norms.output]);
    return [streams, input, sum, ...inside, output, residual].filter((one) => one !== undefined);
  });
}

export function countOf(parameters: Readonly<Record<string, ParameterDeclaration>>): number {
  return Object.values(parameters).reduce(
    (sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1),
    0,
  );
}
