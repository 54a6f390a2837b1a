/** Kernel runs added up: by node, op, part and block. */
import type { KernelEvent, SessionRun } from "./events.ts";
import { productFlops } from "./product-flops.ts";
import type { BlockCost, Cost, KernelCost, PartCost } from "./results.ts";

interface Sum {
  us: number;
  calls: number;
  bytes: number;
  flops: number;
  productUs: number;
}

const nothing = (): Sum => ({ us: 0, calls: 0, bytes: 0, flops: 0, productUs: 0 });

function add(sum: Sum, { op, inputs, outputs, selfUs, bytes }: KernelEvent): void {
  const flops = productFlops(op, inputs, outputs);
  sum.us += selfUs;
  sum.calls += 1;
  sum.bytes += bytes;
  sum.flops += flops;
  if (flops > 0) sum.productUs += selfUs;
}

/** `stepMs` is the whole step's time. */
function costOf({ us, productUs, ...sum }: Sum, stepMs: number): Cost {
  const ms = us / 1e3;
  return { ms, share: ms / stepMs, ...sum, gflops: productUs > 0 ? sum.flops / productUs / 1e3 : null };
}

/** Kernels by a key, in the order of their first run. */
function grouped(kernels: Iterable<KernelEvent>, key: (kernel: KernelEvent) => string) {
  const groups = new Map<string, { first: KernelEvent; all: KernelEvent[] }>();
  for (const kernel of kernels) {
    const group = groups.get(key(kernel));
    if (group) group.all.push(kernel);
    else groups.set(key(kernel), { first: kernel, all: [kernel] });
  }
  return [...groups.values()];
}

function total(kernels: Iterable<KernelEvent>, stepMs: number): Cost {
  const sum = nothing();
  for (const kernel of kernels) add(sum, kernel);
  return costOf(sum, stepMs);
}

const byTime = <T extends Cost>(costs: T[]): T[] => costs.sort((a, b) => b.ms - a.ms);

/** What the layers are called: `layers.3` of `layers.3.mixer`, the part itself elsewhere, "other" for what no part recorded. */
export function blockOf(path: string): string {
  if (path === "") return "other";
  return /^((?:encoder\.)?layers\.\d+)\./.exec(path)?.[1] ?? path;
}

export interface Costs {
  all: Cost;
  products: Cost;
  blocks: BlockCost[];
  parts: PartCost[];
  ops: (Cost & { op: string })[];
  kernels: KernelCost[];
}

/** Costs of one run of a step that took `stepMs` as a whole. */
export function costsOf({ kernels }: SessionRun, stepMs: number): Costs {
  const opsOf = (some: Iterable<KernelEvent>) =>
    byTime(grouped(some, ({ op }) => op).map(({ first, all }) => ({ op: first.op, ...total(all, stepMs) })));
  return {
    all: total(kernels, stepMs),
    products: total(
      kernels.filter(({ op, inputs, outputs }) => productFlops(op, inputs, outputs) > 0),
      stepMs,
    ),
    blocks: grouped(kernels, ({ path }) => blockOf(path)).map(({ first, all }) => {
      const msOf = (pass: string) =>
        total(
          all.filter((kernel) => kernel.pass === pass),
          stepMs,
        ).ms;
      const passes = { forwardMs: msOf("forward"), backwardMs: msOf("backward") };
      return { path: blockOf(first.path), ...total(all, stepMs), ...passes };
    }),
    parts: grouped(kernels, ({ path, pass }) => `${pass} ${path}`).map(({ first: { path, pass }, all }) => ({
      path: path === "" ? "other" : path,
      pass,
      ...total(all, stepMs),
      ops: opsOf(all),
    })),
    ops: opsOf(kernels),
    kernels: byTime(
      grouped(kernels, ({ name }) => name).map(({ first: { name, op, path, pass, inputs, outputs }, all }) => ({
        ...{ name, op, path, pass, inputs, outputs },
        ...total(all, stepMs),
      })),
    ),
  };
}
