import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createWorkplace, said, tinyTraining } from "./cli.fixture.ts";

const place = createWorkplace();
afterAll(() => place.remove());
const runFolder = (name: string): string => join(place.folder, "runs", name);

const bytesOf = (name: string, step: number): string[] =>
  globSync("*", { cwd: join(runFolder(name), "checkpoints", String(step)) })
    .sort()
    .map((file) => readFileSync(join(runFolder(name), "checkpoints", String(step), file)).toString("base64"));

/** Everything that has a state of its own or moves numbers. */
const settings = {
  ...{ optimizer: "muon", "optimizer-options": "roles.embedding.rateRatio=0.5", ema: 0.9, schedule: "linear" },
  ...{
    accumulate: 2,
    precision: "parameters=bf16,activations=bf16,gradients=f16,moments=bf16",
    "loss-scale": "dynamic",
  },
  ...{ remat: "full", "steps-per-call": 4, patience: 50, plateau: "factor=0.5,patience=0" },
};
const rich = (name: string, more: object = {}) => [...tinyTraining(name, { ...settings, ...more }), "--keep-best"];

test("every setting is stored with the run, and a run interrupted under them ends with the same bytes", async () => {
  const whole = await place.run(rich("whole", { steps: 600 }));
  expect(whole.status, whole.stderr).toBe(0);
  expect(whole.stdout).toMatch(/best +.*generate best --runs .*whole --prompt/);
  const { protocol } = JSON.parse(readFileSync(join(runFolder("whole"), "run.json"), "utf8"));
  expect(protocol.config).toMatchObject({
    ...{ accumulate: 2, rematerialise: "full", stepsPerCall: 4 },
    optimizer: { kind: "muon", ema: 0.9, roles: { embedding: { rateRatio: 0.5 } } },
    schedule: { kind: "linear" },
    precision: { parameters: "bf16", gradients: "f16", master: true },
    lossScale: { kind: "dynamic", first: 65_536 },
    validation: { patience: 50, keepBest: true, plateau: { factor: 0.5, patience: 0, cooldown: 0 } },
  });
  const { child, outcome } = place.start(rich("stopped", { steps: 600 }));
  await said(child.stderr, /training 600 steps/);
  await new Promise((wake) => setTimeout(wake, 300));
  child.kill("SIGINT");
  expect((await outcome).status).toBe(130);
  const resumed = await place.run(["train", "--resume", "stopped"]);
  expect(resumed.status, resumed.stderr).toBe(0);
  expect(bytesOf("stopped", 600)).toEqual(bytesOf("whole", 600));
  const best = await place.run(["generate", "best", "--runs", "runs/whole", "--tokens", "3", "--json"]);
  expect(best.status, best.stderr).toBe(0);
});

test("a run that is being trained is refused to others, and free again when its process was killed", async () => {
  const { child, outcome } = place.start(tinyTraining("busy", { steps: 100_000, "checkpoint-every": 50 }));
  await said(child.stderr, /training 100,000 steps/);
  const second = await place.run(["train", "--resume", "busy"]);
  expect(second.status).toBe(1);
  expect(second.stderr).toMatch(
    new RegExp(
      `busy: expected a run that no other process trains, got process ${child.pid}\\..*\\[E_RUN_LOCKED\\]\\n$`,
    ),
  );
  child.kill("SIGKILL");
  await outcome;
  expect(existsSync(join(runFolder("busy"), "lock.json"))).toBe(true);
  const third = place.start(["train", "--resume", "busy"]);
  await said(third.child.stderr, /going on from step|training 100,000 steps/);
  third.child.kill("SIGINT");
  expect((await third.outcome).status).toBe(130);
  expect(existsSync(join(runFolder("busy"), "lock.json"))).toBe(false);
});

test("settings come from a file, too, and a comparison takes them", async () => {
  writeFileSync(join(place.folder, "training.yaml"), "optimizer: { kind: lion }\naccumulate: 2\n");
  const trained = await place.run(tinyTraining("filed", { training: "training.yaml", steps: 4 }));
  expect(trained.status, trained.stderr).toBe(0);
  const { protocol } = JSON.parse(readFileSync(join(runFolder("filed"), "run.json"), "utf8"));
  expect(protocol.config).toMatchObject({
    accumulate: 2,
    optimizer: { kind: "lion", learningRate: expect.any(Number) },
  });
  const words =
    "compare tiny.json --data text.txt --size as-is --budget tokens=64 --seeds 1 --tokenizer byte --batch 2 --length 8 --threads 1";
  const more = "--training training.yaml --folder compared --json --report report.html";
  const compared = await place.run([...words.split(" "), ...more.split(" ")]);
  expect(compared.status, compared.stderr).toBe(0);
  const comparison = JSON.parse(compared.stdout);
  expect(comparison.protocol).toMatchObject({
    optimizer: { kind: "lion" },
    step: { accumulate: 2, lossScale: { kind: "none" } },
  });
});
