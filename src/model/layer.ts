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
import type { LayerSpec, PartSpec, Placement } from "./spec.ts";

type SublayerPart = Part<Mixer> | Part<Channel>;

/** A mixer or channel mixer with its norm and residual. */
interface Sublayer<T extends SublayerPart> {
  part: T;
  norm: Part<Norm>;
  residual: Part<Residual>;
  placement: Placement;
}

export interface Layer {
  path: string;
  mixer: Sublayer<Part<Mixer>>;
  /** Absent where the channel mixer is `none`. */
  channel: Sublayer<Part<Channel>> | undefined;
  /** State path → declaration. */
  states: Record<string, StateDeclaration>;
  capabilities: Capabilities;
}

/** What a sublayer adds to the running result. */
type Extras = Pick<ModelResult, "losses" | "buffers" | "probes" | "state">;

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
    norm: part(families.norms[spec.norm.kind]!, at(`${slot}Norm`, spec.norm)),
    residual: part(families.residuals[spec.residual.kind]!, at(`${slot}Residual`, spec.residual)),
    placement: spec.placement,
  });
  const mixer = part(families.mixers[spec.mixer.kind]!, at("mixer", spec.mixer));
  const { capabilities, state } = mixer.component;
  return {
    path,
    mixer: { part: mixer, ...around("mixer") },
    channel:
      spec.channel.kind === "none"
        ? undefined
        : { part: part(families.channels[spec.channel.kind]!, at("channel", spec.channel)), ...around("channel") },
    states: under(mixer.path, state(mixer.d, mixer.c)),
    capabilities: typeof capabilities === "function" ? capabilities(mixer.c) : capabilities,
  };
}

/** Every part of a layer, in the order of computation. */
export function partsOf({ mixer, channel }: Layer): Part[] {
  return [mixer, ...(channel ? [channel] : [])].flatMap(({ part, norm, residual }): Part[] => [norm, part, residual]);
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
export function runLayer(
  layer: Layer,
  x: Tensor,
  {
    context,
    form,
    dropoutProb,
    extras,
  }: { context: TraceContext; form: "forward" | "step"; dropoutProb: number; extras: Extras },
): Tensor {
  const run = <T extends SublayerPart>(sublayer: Sublayer<T>, stream: Tensor, apply: (x: Tensor) => Tensor) => {
    const drop = (y: Tensor) => dropout(y, dropoutProb, { io: context.io, path: sublayer.part.path });
    const norm = (y: Tensor) => runNorm(sublayer.norm, y, context, extras);
    const join = (y: Tensor) =>
      sublayer.residual.component.forward(stream, drop(y), contextOf(sublayer.residual, context.source, context.io));
    return sublayer.placement === "pre" ? join(apply(norm(stream))) : norm(join(apply(stream)));
  };
  const mixed = run(layer.mixer, x, (y) => runMixer(layer, y, { context, form, extras }));
  const { channel } = layer;
  return channel
    ? run(channel, mixed, (y) =>
        collect(
          channel.part,
          channel.part.component.forward(y, contextOf(channel.part, context.source, context.io)),
          extras,
        ),
      )
    : mixed;
}

function runMixer(
  { mixer: { part }, states }: Layer,
  x: Tensor,
  { context, form, extras }: { context: TraceContext; form: "forward" | "step"; extras: Extras },
): Tensor {
  const names = Object.keys(states).map((path) => path.slice(part.path.length + 1));
  const s = below(part.path, context.state ?? {}, names);
  const at = { ...contextOf(part, context.source, context.io), s };
  const result = form === "step" ? part.component.step!(x, at) : part.component.forward(x, at);
  Object.assign(extras.state, under(part.path, result.s));
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
