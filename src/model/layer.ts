import {
  type Capabilities,
  type Channel,
  families,
  type Io,
  type Mixer,
  type Norm,
  type ParameterDeclaration,
  type Residual,
  type Result,
  type StateDeclaration,
} from "../blocks/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { dropout } from "./dropout.ts";
import type { ModelResult, TraceContext } from "./model.ts";
import { below, buildPart, contextOf, type Part, under } from "./part.ts";
import { type LayerSpec, type NormSite, normSites, type PartSpec } from "./spec.ts";

type Flow = Capabilities["flow"];
type Norms = Partial<Record<NormSite, Part<Norm>>>;

/** What stands between two states of the stream: norms around branches that are added together, and a residual. */
interface Sublayer {
  branches: readonly (Part<Mixer> | Part<Channel>)[];
  norms: Norms;
  residual: Part<Residual>;
}

export interface Layer {
  path: string;
  mixer: { part: Part<Mixer> };
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

function part<T extends Mixer | Channel | Norm | Residual>(
  component: T,
  { spec, path, where, width }: { spec: PartSpec; path: string; where: string; width: number },
): Part<T> {
  return buildPart<T>(component, { spec, path, where, dims: (c) => component.dims(c, width) });
}

export function buildLayer(spec: LayerSpec, { index, width }: { index: number; width: number }): Layer {
  const path = `layers.${index}`;
  const at = (slot: string, partSpec: PartSpec) => ({
    spec: partSpec,
    path: `${path}.${slot}`,
    where: `layers[${index}].${slot}`,
    width,
  });
  const around = (slot: string) => ({
    norms: buildNorms(spec, (name) => at(`${slot}${name}`, spec.norm)),
    residual: part(families.residuals[spec.residual.kind]!, at(`${slot}Residual`, spec.residual)),
  });
  const mixer = part(families.mixers[spec.mixer.kind]!, at("mixer", spec.mixer));
  const channel =
    spec.channel.kind === "none" ? undefined : part(families.channels[spec.channel.kind]!, at("channel", spec.channel));
  const joined = channel === undefined || spec.wiring === "parallel";
  const first = { branches: channel && joined ? [mixer, channel] : [mixer], ...around("mixer") };
  return {
    path,
    mixer: { part: mixer },
    channel: channel && { part: channel },
    sublayers: channel && !joined ? [first, { branches: [channel], ...around("channel") }] : [first],
    states: under(mixer.path, mixer.component.state(mixer.d, mixer.c)),
    capabilities: layerCapabilities({ mixer, channel, norms: Object.values(first.norms) }),
  };
}

/** The norms of a placement, by site; a second one behind the branch has a name of its own. */
function buildNorms({ norm, placement }: LayerSpec, at: (name: string) => Parameters<typeof part>[1]): Norms {
  const component = families.norms[norm.kind]!;
  const sites: readonly NormSite[] = normSites[placement];
  return Object.fromEntries(sites.map((site) => [site, part(component, at(site === "output" ? "OutNorm" : "Norm"))]));
}

function layerCapabilities({
  mixer,
  channel,
  norms,
}: {
  mixer: Part<Mixer>;
  channel: Part<Channel> | undefined;
  norms: readonly Part<Norm>[];
}): Capabilities {
  const own = declared(mixer.component.capabilities, mixer.c);
  const flow = strictestFlow([
    own.flow,
    ...(channel ? [declared(channel.component.capabilities, channel.c).flow] : []),
    ...norms.map(({ component, c }) => component.capabilities?.(c).flow ?? "both"),
  ]);
  const decodes = flow === "causal" || flow === "both";
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
export function partsOf({ sublayers }: Layer): Part[] {
  return sublayers.flatMap(({ branches, norms: { input, output, sum }, residual }): Part[] =>
    [input, sum, ...branches, output, residual].filter((one) => one !== undefined),
  );
}

export function activeParameters({ component, d, c, parameters }: Part<Channel>): number {
  return component.activeParams?.(d, c) ?? countOf(parameters);
}

export function countOf(parameters: Readonly<Record<string, ParameterDeclaration>>): number {
  return Object.values(parameters).reduce(
    (sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1),
    0,
  );
}

/** Runs a layer in the form `mode`; results beside the stream are collected in `extras`. */
export function runLayer(layer: Layer, x: Tensor, run: LayerRun): Tensor {
  return layer.sublayers.reduce((stream, sublayer) => runSublayer(layer, { sublayer, stream }, run), x);
}

interface LayerRun {
  context: TraceContext;
  form: "forward" | "step";
  dropoutProb: number;
  extras: Extras;
}

function runSublayer(
  layer: Layer,
  { sublayer, stream }: { sublayer: Sublayer; stream: Tensor },
  { context, form, dropoutProb, extras }: LayerRun,
): Tensor {
  const { branches, norms, residual } = sublayer;
  const norm = (site: NormSite, y: Tensor) => (norms[site] ? runNorm(norms[site], y, context, extras) : y);
  const input = norm("input", stream);
  const outputs = branches.map((branch) => {
    const y = isMixer(branch, layer)
      ? runMixer(layer, input, { context, form, extras })
      : collect(branch, branch.component.forward(input, contextOf(branch, context.source, context.io)), extras);
    return dropout(y, dropoutProb, { io: context.io, path: branch.path });
  });
  const y = norm(
    "output",
    outputs.reduce((sum, one) => sum.add(one)),
  );
  return norm("sum", residual.component.forward(stream, y, contextOf(residual, context.source, context.io)));
}

const isMixer = (branch: Part<Mixer> | Part<Channel>, { mixer }: Layer): branch is Part<Mixer> => branch === mixer.part;

function runMixer(
  { mixer: { part }, states }: Layer,
  x: Tensor,
  { context, form, extras }: { context: TraceContext; form: "forward" | "step"; extras: Extras },
): Tensor {
  const names = Object.keys(states).map((path) => path.slice(part.path.length + 1));
  const s = below(part.path, context.state ?? {}, names);
  const io = { ...context.io, handed: { ...extras.handed } };
  const at = { ...contextOf(part, context.source, io), s };
  const result = form === "step" ? part.component.step!(x, at) : part.component.forward(x, at);
  Object.assign(extras.state, under(part.path, result.s));
  extras.handed = { ...extras.handed, ...result.handed };
  return collect(part, result, extras);
}

export function runNorm(
  norm: Part<Norm>,
  x: Tensor,
  { source, io }: { source: TraceContext["source"]; io: Io },
  extras: Extras,
): Tensor {
  return collect(norm, norm.component.forward(x, contextOf(norm, source, io)), extras);
}

/** Puts what a part returns beside its output into the running result, under the part's path. */
function collect(
  part: Part,
  { y, losses = [], buffers = {}, probes = {} }: Omit<Result<never>, "s">,
  extras: Extras,
): Tensor {
  extras.losses.push(...losses.map((loss) => ({ ...loss, name: `${part.path}.${loss.name}` })));
  Object.assign(extras.buffers, under(part.path, buffers));
  Object.assign(extras.probes, under(part.path, probes));
  return y;
}
