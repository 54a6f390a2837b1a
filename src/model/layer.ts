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

/** One way through a sublayer. */
type Branch = { family: "mixer"; part: Part<Mixer> } | { family: "channel"; part: Part<Channel> };

/** What stands between two states of the stream: norms around branches that are added together, and a residual. */
interface Sublayer {
  branches: readonly Branch[];
  norms: Norms;
  residual: Part<Residual>;
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

/** `stack` is where the layers' list stands in the spec, such as `layers` or `encoder.layers`. */
export function buildLayer(
  spec: LayerSpec,
  { index, width, stack = "layers" }: { index: number; width: number; stack?: string },
): Layer {
  const path = `${stack}.${index}`;
  const at = (slot: string, partSpec: PartSpec): Site => ({
    spec: partSpec,
    path: `${path}.${slot}`,
    storage: `${stack}.${spec.weights ?? index}.${slot}`,
    where: `${stack}[${index}].${slot}`,
    width,
  });
  const around = (slot: string) => ({
    norms: buildNorms(spec, (name) => at(`${slot}${name}`, spec.norm)),
    residual: part(families.residuals[spec.residual.kind]!, at(`${slot}Residual`, spec.residual)),
  });
  const branches = buildBranches(spec, at);
  const sublayers: Sublayer[] =
    spec.wiring === "parallel"
      ? [{ branches: branches.map(({ branch }) => branch), ...around("mixer") }]
      : branches.map(({ slot, branch }) => ({ branches: [branch], ...around(slot) }));
  const find = <K extends Branch["family"]>(slot: string) =>
    branches.find((one) => one.slot === slot)?.branch as Extract<Branch, { family: K }> | undefined;
  const [mixer, cross, channel] = [find<"mixer">("mixer")!, find<"mixer">("cross"), find<"channel">("channel")];
  return {
    path,
    mixer,
    cross,
    channel,
    sublayers,
    states: Object.assign({}, ...[mixer, cross].map((one) => (one ? statesOf(one.part) : {}))),
    capabilities: layerCapabilities({
      mixer: mixer.part,
      cross: cross?.part,
      channel: channel?.part,
      norms: Object.values(sublayers[0]!.norms),
    }),
  };
}

const statesOf = ({ path, component, d, c }: Part<Mixer>) => under(path, component.state(d, c));

/** Token mixer, cross attention and channel mixer, those that there are, in this order. */
function buildBranches(
  spec: LayerSpec,
  at: (slot: string, partSpec: PartSpec) => Site,
): { slot: string; branch: Branch }[] {
  const mixer = (slot: string, choice: PartSpec) => ({
    slot,
    branch: { family: "mixer", part: part(families.mixers[choice.kind]!, at(slot, choice)) } as const,
  });
  const { channel, cross } = spec;
  const feed = channel.kind === "none" ? undefined : part(families.channels[channel.kind]!, at("channel", channel));
  return [
    mixer("mixer", spec.mixer),
    ...(cross ? [mixer("cross", cross)] : []),
    ...(feed ? [{ slot: "channel", branch: { family: "channel", part: feed } as const }] : []),
  ];
}

/** The norms of a placement, by site; a second one behind the branch has a name of its own. */
function buildNorms({ norm, placement }: LayerSpec, at: (name: string) => Parameters<typeof part>[1]): Norms {
  const component = families.norms[norm.kind]!;
  const sites: readonly NormSite[] = normSites[placement];
  return Object.fromEntries(sites.map((site) => [site, part(component, at(site === "output" ? "OutNorm" : "Norm"))]));
}

function layerCapabilities({
  mixer,
  cross,
  channel,
  norms,
}: {
  mixer: Part<Mixer>;
  cross: Part<Mixer> | undefined;
  channel: Part<Channel> | undefined;
  norms: readonly Part<Norm>[];
}): Capabilities {
  const own = declared(mixer.component.capabilities, mixer.c);
  const flow = strictestFlow([
    own.flow,
    ...(cross ? [declared(cross.component.capabilities, cross.c).flow] : []),
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
    [input, sum, ...branches.map((branch) => branch.part), output, residual].filter((one) => one !== undefined),
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
  return layer.sublayers.reduce((stream, sublayer) => runSublayer(sublayer, stream, run), x);
}

interface LayerRun {
  context: TraceContext;
  form: "forward" | "step";
  dropoutProb: number;
  extras: Extras;
}

function runSublayer(
  { branches, norms, residual }: Sublayer,
  stream: Tensor,
  { context, form, dropoutProb, extras }: LayerRun,
): Tensor {
  const norm = (site: NormSite, y: Tensor) => (norms[site] ? runNorm(norms[site], y, context, extras) : y);
  const input = norm("input", stream);
  const outputs = branches.map((branch) => {
    const { part } = branch;
    const y =
      branch.family === "mixer"
        ? runMixer(branch.part, input, { context, form, extras })
        : collect(part, branch.part.component.forward(input, contextOf(part, context.source, context.io)), extras);
    return dropout(y, dropoutProb, { io: context.io, path: part.path });
  });
  const y = norm(
    "output",
    outputs.reduce((sum, one) => sum.add(one)),
  );
  return norm("sum", residual.component.forward(stream, y, contextOf(residual, context.source, context.io)));
}

function runMixer(
  part: Part<Mixer>,
  x: Tensor,
  { context, form, extras }: { context: TraceContext; form: "forward" | "step"; extras: Extras },
): Tensor {
  const s = below(part.path, context.state ?? {}, Object.keys(part.component.state(part.d, part.c)));
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
  Object.assign(extras.buffers, under(part.storage, buffers));
  Object.assign(extras.probes, under(part.path, probes));
  return y;
}
