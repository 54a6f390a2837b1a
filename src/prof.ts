import { readFileSync, unlinkSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { countFlops, emitOnnx } from "./engine/index.ts";
import { initialise } from "./model/index.ts";
import { buildSpec, loadSpec } from "./spec/index.ts";
import { objectiveLosses, trainingProgram } from "./train/index.ts";

const spec = loadSpec(process.argv[2]!);
const B = Number(process.argv[3] ?? 4),
  T = Number(process.argv[4] ?? 128),
  V = Number(process.argv[5] ?? 1024);
const built = buildSpec(spec, { tokens: V });
const prog = trainingProgram(built, (objectiveLosses as any)[spec.objective.kind], { batch: B, length: T });
const fl = countFlops(Object.values(prog.outputs));
const m = emitOnnx(prog);
const s = await ort.InferenceSession.create(m.bytes, {
  intraOpNumThreads: Number(process.env.TH ?? 2),
  enableProfiling: !process.env.NOPROF,
  profileFilePrefix: "/tmp/ortprof",
  logSeverityLevel: 3,
  graphOptimizationLevel: "all",
});
const init = initialise(built.model, 0);
const feeds: any = {};
const N = B * T;
const vals: any = {
  inputs: Int32Array.from({ length: N }, (_, i) => (i * 7919) % V),
  targets: Int32Array.from({ length: N }, (_, i) => ((i + 1) * 7919) % V),
  "random.seed": Uint32Array.of(0),
  "random.step": Uint32Array.of(0),
};
const ty: any = { f32: "float32", i32: "int32", u32: "uint32", bool: "bool" };
for (const [k, t] of m.inputs) feeds[k] = new ort.Tensor(ty[t.dtype], (init.get(k) ?? vals[k]) as any, t.shape as any);
const ts = [];
for (let i = 0; i < Number(process.argv[6] ?? 12); i++) {
  const t = performance.now();
  await s.run(feeds);
  ts.push(performance.now() - t);
}
ts.sort((a, b) => a - b);
console.log(
  "median ms",
  ts[ts.length >> 1]!.toFixed(1),
  "min",
  ts[0]!.toFixed(1),
  "GFLOP",
  (fl.total / 1e9).toFixed(2),
  "matmul",
  (fl.matmul / 1e9).toFixed(2),
);
if (!process.env.NOPROF) {
  s.endProfiling();
  await s.release();
  const { readdirSync } = await import("node:fs");
  const f = readdirSync("/tmp")
    .filter((x) => x.startsWith("ortprof"))
    .sort()
    .at(-1)!;
  const ev = JSON.parse(readFileSync("/tmp/" + f, "utf8"));
  unlinkSync("/tmp/" + f);
  const by: Record<string, [number, number]> = {};
  const by2: Record<string, [number, number]> = {};
  let tot = 0;
  for (const e of ev)
    if (e.cat === "Node" && e.name.endsWith("_kernel_time")) {
      const k = e.args.op_name;
      (by[k] ??= [0, 0])[0] += e.dur;
      by[k]![1]++;
      tot += e.dur;
      const k2 =
        k +
        " " +
        JSON.stringify(e.args.input_type_shape?.map((x: any) => Object.values(x)[0])) +
        "->" +
        JSON.stringify(e.args.output_type_shape?.map((x: any) => Object.values(x)[0]));
      (by2[k2] ??= [0, 0])[0] += e.dur;
      by2[k2]![1]++;
    }
  const n = Number(process.argv[6] ?? 12);
  for (const [k, [d, c]] of Object.entries(by)
    .sort((a, b) => b[1][0] - a[1][0])
    .slice(0, 18))
    console.log(k.padEnd(28), (d / 1000 / n).toFixed(2) + "ms", (c / n).toFixed(0), ((100 * d) / tot).toFixed(1) + "%");
  console.log("total", (tot / 1000 / n).toFixed(1));
  for (const [k, [d, c]] of Object.entries(by2)
    .sort((a, b) => b[1][0] - a[1][0])
    .slice(0, Number(process.env.TOP ?? 14)))
    console.log((d / 1000 / n).toFixed(2) + "ms", (c / n).toFixed(0), k.slice(0, 190));
}
process.exit(0);
