/** ONNX Runtime's profile files: an array of trace events, one a line. */
import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Pass } from "./results.ts";

/** One run of one node. */
export interface KernelEvent {
  /** Of the node in the optimised graph. */
  name: string;
  op: string;
  path: string;
  pass: Pass;
  /** Microseconds since the session was made, without the runs of nodes inside it. */
  selfUs: number;
  bytes: number;
  inputs: readonly (readonly number[])[];
  outputs: readonly (readonly number[])[];
}

/** One run of a session. */
export interface SessionRun {
  us: number;
  kernels: readonly KernelEvent[];
}

interface TraceEvent {
  name: string;
  ts: number;
  dur: number;
  args: {
    op_name?: string;
    input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
    output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
    activation_size?: string;
    parameter_size?: string;
    output_size?: string;
  };
}

/** The runs of every session that wrote a profile into the folder, in the order of the sessions. */
export async function readProfiles(folder: string): Promise<SessionRun[][]> {
  const files = readdirSync(folder).filter((name) => /^session-\d+_.*\.json$/.test(name));
  const inOrder = files.toSorted((a, b) => Number.parseInt(a.slice(8), 10) - Number.parseInt(b.slice(8), 10));
  return Promise.all(inOrder.map((name) => readProfile(join(folder, name))));
}

/** Line by line: a profile of a long scan is too long for one string. */
async function readProfile(path: string): Promise<SessionRun[]> {
  const runs: SessionRun[] = [];
  let open: TraceEvent[] = [];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const text = line.trim().replace(/,$/, "");
    if (!text.startsWith("{")) continue;
    const event = JSON.parse(text) as TraceEvent;
    if (event.name.endsWith("_kernel_time")) open.push(event);
    if (event.name !== "model_run") continue;
    runs.push({ us: event.dur, kernels: kernelsOf(open) });
    open = [];
  }
  return runs;
}

function kernelsOf(events: readonly TraceEvent[]): KernelEvent[] {
  const own = selfTimes(events);
  const places = events.map(({ name }) => placeOf(name));
  return events.map((event, i) => {
    // What ONNX Runtime puts around a product (gemm_input_reshape, …) has no name of ours: it belongs to its neighbour.
    const near = /^gemm_input/.test(event.name)
      ? places.slice(i).find(Boolean)
      : places.slice(0, i + 1).findLast(Boolean);
    const bytes = [event.args.activation_size, event.args.parameter_size, event.args.output_size];
    return {
      name: event.name.replace(/_kernel_time$/, ""),
      op: event.args.op_name ?? "",
      ...(near ?? { path: "", pass: "forward" as const }),
      selfUs: own[i]!,
      bytes: bytes.reduce((sum, size) => sum + Number(size ?? 0), 0),
      inputs: shapesOf(event.args.input_type_shape),
      outputs: shapesOf(event.args.output_type_shape),
    };
  });
}

/** `layers.0.mixer/grad/MatMul_3` → part and pass; undefined for names that are not the emitter's. */
function placeOf(name: string): { path: string; pass: Pass } | undefined {
  const [, path, backward] = /^([^/]*)\/(grad\/)?\w+?_\d+/.exec(name) ?? [];
  return path === undefined ? undefined : { path, pass: backward ? "backward" : "forward" };
}

const shapesOf = (list: TraceEvent["args"]["input_type_shape"] = []): (readonly number[])[] =>
  list.map((one) => Object.values(one)[0] ?? []);

/** Durations without those of the events that lie within: a scan's nodes run inside it. */
function selfTimes(events: readonly TraceEvent[]): number[] {
  const own = events.map(({ dur }) => dur);
  const order = events
    .map((_, i) => i)
    .sort((a, b) => events[a]!.ts - events[b]!.ts || events[b]!.dur - events[a]!.dur);
  const around: number[] = [];
  for (const i of order) {
    const { ts, dur } = events[i]!;
    while (around.length > 0 && endOf(events[around.at(-1)!]!) < ts + dur) around.pop();
    const outer = around.at(-1);
    if (outer !== undefined) own[outer] = Math.max(0, own[outer]! - dur);
    around.push(i);
  }
  return own;
}

const endOf = ({ ts, dur }: TraceEvent): number => ts + dur;
