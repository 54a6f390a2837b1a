import {
  type AnyNode,
  apply,
  binaryOps,
  bitOps,
  broadcastShapes,
  compareOps,
  concat,
  expandFused,
  type FusedNode,
  logicOps,
  type Op,
  type OpAttrs,
  rewrite,
  type Shape,
  sameShape,
  scanOf,
  sizeOf,
  type Tensor,
  topological,
} from "../tensor/index.ts";
import { foldConstants } from "./fold-constants.ts";
import { tallFactors } from "./tall-factors.ts";

/** What every native engine does to a graph before it emits it. `keep` names the fused nodes it runs as they are. */
export function optimise(outputs: readonly Tensor[], keep: (node: FusedNode) => boolean): Tensor[] {
  const expanded = foldConstants(mergeScans(shareCommon(expandFused(mergeScans(outputs), keep))));
  return shareCommon(tallFactors(joinPads(broadcastLazily(expanded))));
}

const broadcasting: ReadonlySet<Op> = new Set<Op>([...binaryOps, ...compareOps, ...logicOps, ...bitOps, "where"]);

/** Leaves out an `expand` whose users broadcast by themselves to the same shape. */
export function broadcastLazily(outputs: readonly Tensor[]): Tensor[] {
  return rewrite(outputs, new Map(), (node, inputs) => {
    if (!broadcasting.has(node.op) || !inputs.some(isExpanded)) return undefined;
    const kept = inputs.reduce<readonly Tensor[]>((list, t, i) => {
      const lazy = isExpanded(t) ? list.with(i, t.node.inputs[0]!) : list;
      return sameShape(
        lazy.reduce<Shape>((shape, each) => broadcastShapes(node.op, shape, each.shape), []),
        node.outputs[0]!.shape,
      )
        ? lazy
        : list;
    }, inputs);
    return apply(node.op as Op, kept, node.attrs as OpAttrs[Op]);
  });
}

type PadNode = Extract<AnyNode, { op: "pad" }>;

/** The sum of neighbouring parts, each padded with zeros to the whole (the gradient of a split), becomes their concatenation. */
export function joinPads(outputs: readonly Tensor[]): Tensor[] {
  return rewrite(outputs, new Map(), (node, [a, b]) => {
    if (node.op !== "add" || a?.node.op !== "pad" || b?.node.op !== "pad") return undefined;
    const joined = joinTwo(a.node, b.node) ?? joinTwo(b.node, a.node);
    return joined && [joined];
  });
}

/** [zeros, first, second, zeros] along the one axis that both pad, where second begins as first ends. */
function joinTwo(first: PadNode, second: PadNode): Tensor | undefined {
  const axis = paddedAxis(first);
  if (axis === undefined || axis !== paddedAxis(second)) return undefined;
  const [before, after] = [first.attrs.before[axis]!, second.attrs.after[axis]!];
  if (before + first.inputs[0]!.shape[axis]! !== second.attrs.before[axis]) return undefined;
  const parts = [first, second].flatMap(({ inputs: [part] }) =>
    part!.node.op === "concat" && part!.node.attrs.axis === axis ? part!.node.inputs : [part!],
  );
  return concat(axis, parts).pad(axis, before, after);
}

/** The only axis that a pad with zeros pads. */
function paddedAxis({ attrs: { before, after, value } }: PadNode): number | undefined {
  const axes = before.flatMap((amount, axis) => (amount > 0 || after[axis]! > 0 ? [axis] : []));
  return value === 0 && axes.length === 1 ? axes[0] : undefined;
}

const isExpanded = (t: Tensor): boolean => t.node.op === "expand";

/** One node for equal applications of an op. */
export function shareCommon(outputs: readonly Tensor[]): Tensor[] {
  const seen = new Map<string, readonly Tensor[]>();
  return rewrite(outputs, new Map(), (node, inputs) => {
    const key = identityOf(node, inputs);
    if (key === undefined) return undefined;
    const known = seen.get(key) ?? keepOrCopy(node, inputs);
    seen.set(key, known);
    return known;
  });
}

function keepOrCopy(node: AnyNode, inputs: readonly Tensor[]): readonly Tensor[] {
  const same = inputs.every((t, i) => t === node.inputs[i]);
  return same ? node.outputs : apply(node.op as Op, inputs, node.attrs as OpAttrs[Op]);
}

const longestComparedConstant = 256;

function identityOf(node: AnyNode, inputs: readonly Tensor[]): string | undefined {
  if (node.op === "input" || node.op === "scan" || node.op === "linearAttention") return undefined;
  if (node.op === "constant") {
    const { data, shape, dtype } = node.attrs;
    return sizeOf(shape) > longestComparedConstant ? undefined : `constant ${dtype} ${shape} ${bits(data)}`;
  }
  return `${node.op} ${inputs.map((t) => `${t.node.id}.${t.index}`)} ${JSON.stringify(node.attrs)}`;
}

/** Distinguishes −0 from 0, which `String` does not. */
function bits(data: ArrayLike<number>): string {
  return Array.from(data, (value) => (Object.is(value, -0) ? "-0" : String(value))).join();
}

type ScanNode = Extract<AnyNode, { op: "scan" }>;

/** Scans over the same body and inputs (a forward scan, and the one that also stacks what its gradient reads) become one. */
export function mergeScans(outputs: readonly Tensor[]): Tensor[] {
  const groups = new Map<string, ScanNode[]>();
  for (const node of topological(outputs))
    if (node.op === "scan") groups.set(bodyKey(node), [...(groups.get(bodyKey(node)) ?? []), node]);
  const merged = new Map<string, { scan: readonly Tensor[]; ys: readonly Tensor[] }>();
  return rewrite(outputs, new Map(), (node, _inputs, get) => {
    if (node.op !== "scan") return undefined;
    const key = bodyKey(node);
    const members = groups.get(key);
    if (members === undefined || members.length === 1) return undefined;
    const union = merged.get(key) ?? unionOf(members, get);
    merged.set(key, union);
    const states = node.attrs.body.states.length;
    return [
      ...union.scan.slice(0, states),
      ...node.attrs.body.ys.map((y) => union.scan[states + union.ys.indexOf(y)]!),
    ];
  });
}

function bodyKey({ attrs: { body, reverse, length }, inputs }: ScanNode): string {
  const placeholders = [...body.states, ...body.xs];
  const ids = (list: readonly Tensor[]) => list.map((t) => `${t.node.id}.${t.index}`).join();
  return `${ids(placeholders)} ${ids(inputs.slice(0, placeholders.length))} ${ids(body.nextStates)} ${reverse} ${length}`;
}

function unionOf(members: readonly ScanNode[], get: (t: Tensor) => Tensor): { scan: Tensor[]; ys: Tensor[] } {
  const {
    attrs: { body, length, reverse },
    inputs,
  } = members[0]!;
  const ys = [...new Set(members.flatMap((node) => node.attrs.body.ys))];
  const boundary = new Map([...body.states, ...body.xs].map((t) => [t, t]));
  for (const { attrs } of members) for (const t of attrs.captures) boundary.set(t, get(t));
  const inside = rewrite([...body.nextStates, ...ys], boundary);
  const states = body.states.length;
  const scan = scanOf(
    { ...body, nextStates: inside.slice(0, states), ys: inside.slice(states) },
    {
      init: inputs.slice(0, states).map(get),
      xs: inputs.slice(states, states + body.xs.length).map(get),
      length,
      reverse,
    },
  );
  return { scan: [...scan.states, ...scan.ys], ys };
}
