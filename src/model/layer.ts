import {
  type Capabilities,
  type Channel,
  families,
  type Mixer,
  type Norm,
  type ParameterDeclaration,
  type Residual,
  type StateDeclaration,
  type Streams,
} from "../blocks/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { ModelResult } from "./model.ts";
import { buildPart, flowOfPart, type Part, under } from "./part.ts";
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
}

export interface Layer {
  path: string;
  mixer: { part: Part<Mixer> };
  /** Reads the encoder's output. */
  cross: { part: Part<Mixer> } | undefined;
  /** Absent where the channel mixer is `none`. */
  channel: { part: Part<Channel> } | undefined;
  sublayers: readonly Sublayer[];
  /** State path → declaration. */
  states: Record<string, StateDeclaration>;
  /** The mixer's, with the flow of all parts; a part that sees the future leaves no way to decode. */
  capabilities: Capabilities;
}

/** What a sublayer adds to the running result. */
export type Extras = Pick<ModelResult, "losses" | "buffers" | "probes" | "state"> & {
  /** What mixers hand on to those of later layers. */
  handed?: Readonly<Record<string, Tensor>>;
};

interface Site {
  spec: PartSpec;
  path: string;
  storage: string;
  where: string;
  width: number;
}

function part<T extends Mixer | Channel | Norm | Residual>(component: T, { width, ...site }: Site): Part<T> {
  return buildPart<T>(component, { ...site, dims: (c) => component.dims(c, width) });
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
  const at: SiteOf = (name, partSpec) => ({
    spec: partSpec,
    path: `${path}.${name}`,
    storage: `${stack}.${spec.weights ?? index}.${name}`,
    where: `${stack}[${index}].${name}`,
    width,
  });
  const plain = buildSublayers(spec, at);
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
    states: Object.assign({}, ...mixersOf({ sublayers }).map(statesOf)),
    capabilities: layerCapabilities(layer.mixer.part, sublayers),
  };
}

type SiteOf = (name: string, spec: PartSpec) => Site;

function buildSublayers(spec: LayerSpec, at: SiteOf): Sublayer[] {
  const names = sublayersOf(spec);
  const { wiring, norm, placement } = spec;
  const own = (name: string): LayerSpec => ({
    ...spec,
    ...spec.sublayers?.[name],
    mixer: spec.mixer,
    channel: spec.channel,
  });
  const residual = (name: string) => {
    const choice = own(name).residual;
    return part(families.residuals[choice.kind]!, at(`${name}Residual`, choice));
  };
  const branch = (name: string, norms: Norms = {}): Branch => ({ ...buildBranch(spec, name, at), norms });
  const normsAt = (name: string, sites: readonly NormSite[]) => buildNorms(own(name), { name, sites, at });
  if (wiring === undefined || wiring === "serial")
    return names.map((name) => ({
      branches: [branch(name)],
      norms: normsAt(name, normSites[own(name).placement]),
      residual: residual(name),
      streams: undefined,
    }));
  const [first] = names as [string];
  const sites: readonly NormSite[] = normSites[placement];
  const each = wiring === "parallel-norms" ? sites.filter((site) => site !== "sum") : [];
  const shared = sites.filter((site) => wiring === "parallel" || site === "sum");
  const branches = names.map((name) => branch(name, normsAt(name, each)));
  return [
    {
      branches,
      norms: buildNorms({ norm, placement }, { name: first, sites: shared, at }),
      residual: residual(first),
      streams: undefined,
    },
  ];
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
  { name, sites, at }: { name: string; sites: readonly NormSite[]; at: SiteOf },
): Norms {
  const component = families.norms[norm.kind]!;
  const second = placement === "pre-and-post";
  const suffix = (site: NormSite) => (site === "output" ? "OutNorm" : site === "sum" && second ? "SumNorm" : "Norm");
  return Object.fromEntries(sites.map((site) => [site, part(component, at(`${name}${suffix(site)}`, norm))]));
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
