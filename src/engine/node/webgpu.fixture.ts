/** Trains a family on the engine "webgpu" and prints what became of it: a process of its own can be given a Vulkan driver. */
import { trainFamily } from "../../testing/browser/families.fixture.ts";
import { createEngine } from "../create-engine.ts";

const [family = "llama", steps = "2"] = process.argv.slice(2);
try {
  const engine = await createEngine("webgpu", { threads: 1 });
  console.log(JSON.stringify({ kind: engine.kind, records: await trainFamily(engine, family, Number(steps)) }));
  await engine.close();
} catch (error) {
  console.log(JSON.stringify({ error: String(error) }));
}
