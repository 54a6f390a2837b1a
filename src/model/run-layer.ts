import type { AuxiliaryLoss, Io, Mixer, Norm, Result, Ways } from "../blocks/index.ts";
import { concat, type Tensor, within } from "../tensor/index.ts";
import { dropout } from "./dropout.ts";
import type { Extras, Layer, Sublayer } from "./layer.ts";
import type { TraceContext } from "./model.ts";
import { below, contextOf, type Part, under } from "./part.ts";
import type { NormSite } from "./spec.ts";

/** Runs a layer in the form `mode`; results beside the stream are collected in `extras`. */
export function runLayer(layer: Layer, x: Tensor, run: LayerRun): Tensor {
  return layer.sublayers.reduce((entered, sublayer) => {
    const left = runSublayer(sublayer, entered, run);
    const { path } = sublayer.branches[0]!.part;
    if (!sublayer.streams) Object.assign(run.extras.probes, under(path, { entered, left }));
    return left;
  }, x);
}

interface LayerRun {
  context: TraceContext;
  form: "forward" | "step";
  dropoutProb: number;
  extras: Extras;
  /** What the layer's mixer takes queries, keys and values from, where not from the stream. */
  ways?: Ways | undefined;
}

function runSublayer(
  { branches, norms, residual, streams, reshape }: Sublayer,
  stream: Tensor,
  { context: given, form, dropoutProb, extras, ways }: LayerRun,
): Tensor {
  const context = { ...given, io: ioOn(extras.reshaped, given.io) };
  const norm = (site: NormSite, y: Tensor) => normed(norms, site, y, { context, extras });
  const own = (one: Part) => contextOf(one, context.source, context.io);
  const turn = streams && within(streams.path, () => streams.component.turn(stream, own(streams)));
  const input = norm("input", turn?.input ?? stream);
  const outputs = branches.map((branch) => {
    const apart = branch.part.path.endsWith(".mixer") ? ways && waysOf(ways, (way) => norm("input", way)) : undefined;
    return runBranch(branch, input, { context, form, dropoutProb, extras, ways: apart });
  });
  if (reshape) context.io = ioOn(extras.reshaped, given.io);
  const y = norm(
    "output",
    outputs.reduce((sum, one) => sum.add(one)),
  );
  if (streams) {
    const after = within(streams.path, () => turn!.write(y));
    extras.turns?.push({ before: stream, input: turn!.input, output: y, after });
    return after;
  }
  const { reshaped } = reshape ? extras : {};
  const joined = within(residual!.path, () => residual!.component.forward(stream, y, { ...own(residual!), reshaped }));
  return norm("sum", joined);
}

/** Where a part has a norm at this site. */
function normed(
  norms: Sublayer["norms"],
  site: NormSite,
  y: Tensor,
  { context, extras }: Pick<LayerRun, "context" | "extras">,
): Tensor {
  return norms[site] ? runNorm(norms[site], y, context, extras) : y;
}

/** One of the parts of a sublayer that read the same input. */
function runBranch(branch: Sublayer["branches"][number], input: Tensor, { ways, ...run }: LayerRun): Tensor {
  const { part } = branch;
  const { context, form, dropoutProb, extras } = run;
  const x = normed(branch.norms, "input", input, run);
  const apart = ways && waysOf(ways, (way) => normed(branch.norms, "input", way, run));
  const y = within(part.path, () => {
    const raw =
      branch.family === "mixer"
        ? runMixer(branch.part, x, { context, form, extras, ways: apart })
        : collect(part, branch.part.component.forward(x, contextOf(part, context.source, context.io)), extras);
    return dropout(raw, dropoutProb, { io: context.io, path: part.path });
  });
  return normed(branch.norms, "output", y, run);
}

/** What parts know where a mixer below has made another grid of the tokens: nothing more of each token of the first one. */
export function ioOn(reshaped: Extras["reshaped"], io: Io): Io {
  if (reshaped === undefined) return io;
  const { ids_BT: _i, mask_BT: _m, positions_BT: _p, dt_BT: _d, segments_BT: _s, ...rest } = io;
  const { grid, mask_BT } = reshaped;
  return { ...rest, grid, ...(mask_BT && { mask_BT }) };
}

const waysOf = ({ queries, keys, values }: Ways, each: (way: Tensor) => Tensor): Ways => ({
  queries: each(queries),
  keys: each(keys),
  values: each(values),
});

function runMixer(
  part: Part<Mixer>,
  x: Tensor,
  { context, form, extras, ways }: Omit<LayerRun, "dropoutProb">,
): Tensor {
  const s = below(part.path, context.state ?? {}, Object.keys(part.component.state(part.d, part.c)));
  const io = { ...context.io, handed: { ...extras.handed } };
  const at = { ...contextOf(part, context.source, io), s, ...(ways && { ways }) };
  const result = form === "step" ? part.component.step!(x, at) : part.component.forward(x, at);
  Object.assign(extras.state, under(part.path, result.s));
  extras.handed = { ...extras.handed, ...result.handed };
  if (result.reshaped) extras.reshaped = result.reshaped;
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
  for (const loss of losses) addLoss(loss, part, extras.losses);
  Object.assign(extras.buffers, under(part.storage, buffers));
  Object.assign(extras.probes, under(part.path, probes));
  return y;
}

/** Adds a loss under the part's path, or joins its samples to those of an earlier pass through the same weights. */
function addLoss(loss: AuxiliaryLoss, { path, storage }: Part, losses: AuxiliaryLoss[]): void {
  const { pool } = loss;
  const name = `${pool ? storage : path}.${loss.name}`;
  const earlier = losses.find((one) => pool && one.name === name);
  if (!pool || !earlier?.pool) return void losses.push({ ...loss, name });
  const samples = concat(1, [earlier.pool.samples, pool.samples]);
  Object.assign(earlier, { value: pool.of(samples), pool: { ...pool, samples } });
}
