import { createNodeEngine } from "./engine/index.ts";
import { initialise } from "./model/index.ts";
import { buildSpec, loadSpec } from "./spec/index.ts";
import { objectiveLosses, trainingProgram } from "./train/index.ts";

const built = buildSpec(loadSpec(process.argv[2]!), { tokens: 1024 });
const prog = trainingProgram(built, objectiveLosses["next-token"], { batch: 4, length: 128 });
const e = createNodeEngine();
const x = await e.compile(prog);
const feeds: any = {
  inputs: Int32Array.from({ length: 512 }, (_, i) => (i * 7919) % 1000),
  targets: Int32Array.from({ length: 512 }, (_, i) => ((i + 1) * 7919) % 1000),
  "random.seed": Uint32Array.of(0),
  "random.step": Uint32Array.of(0),
};
for (const [k, v] of initialise(built.model, 0)) feeds[k] = v;
const need = new Set(Object.keys(feeds));
const out = await x.run(feeds);
for (const [k, v] of Object.entries(out))
  if (k.startsWith("grad:") && /embedding|layers.[03]/.test(k))
    console.log(
      k,
      Math.sqrt((v as Float32Array).reduce((a, b) => a + b * b, 0)).toExponential(2),
      "w",
      Math.sqrt((feeds[k.slice(5)] as Float32Array).reduce((a, b) => a + b * b, 0)).toFixed(2),
    );
console.log(out.loss![0]);
await e.close();
void need;
