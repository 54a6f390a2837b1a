import type { Io, Mixer, Norm, Result } from "../blocks/index.ts";
import { type Tensor, within } from "../tensor/index.ts";
import { dropout } from "./dropout.ts";
import type { Extras, Layer, Sublayer } from "./layer.ts";
import type { TraceContext } from "./model.ts";
import { below, contextOf, type Part, under } from "./part.ts";
import type { NormSite } from "./spec.ts";

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
  { branches, norms, residual, streams }: Sublayer,
  stream: Tensor,
  { context, form, dropoutProb, extras }: LayerRun,
): Tensor {
  const at = (own: Sublayer["norms"], site: NormSite, y: Tensor) =>
    own[site] ? runNorm(own[site], y, context, extras) : y;
  const norm = (site: NormSite, y: Tensor) => at(norms, site, y);
  const own = (one: Part) => contextOf(one, context.source, context.io);
  const turn = streams && within(streams.path, () => streams.component.turn(stream, own(streams)));
  const input = norm("input", turn?.input ?? stream);
  const outputs = branches.map((branch) => {
    const { part } = branch;
    const x = at(branch.norms, "input", input);
    const y = within(part.path, () => {
      const raw =
        branch.family === "mixer"
          ? runMixer(branch.part, x, { context, form, extras })
          : collect(part, branch.part.component.forward(x, contextOf(part, context.source, context.io)), extras);
      return dropout(raw, dropoutProb, { io: context.io, path: part.path });
    });
    return at(branch.norms, "output", y);
  });
  const y = norm(
    "output",
    outputs.reduce((sum, one) => sum.add(one)),
  );
  if (streams) return within(streams.path, () => turn!.write(y));
  const joined = within(residual!.path, () => residual!.component.forward(stream, y, own(residual!)));
  return norm("sum", joined);
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
  return within(norm.path, () => collect(norm, norm.component.forward(x, contextOf(norm, source, io)), extras));
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
