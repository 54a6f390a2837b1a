import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWorkplace } from "./cli.fixture.ts";

const place = createWorkplace();
afterAll(() => place.remove());

writeFileSync(
  join(place.folder, "g2p.json"),
  JSON.stringify({
    name: "g2p",
    width: 32,
    encoder: { layers: [{ mixer: { kind: "bidirectional", mixer: { kind: "gru" } } }] },
    layers: [{ mixer: { kind: "gru" }, cross: { kind: "cross-attention", heads: 2 } }],
    objective: { kind: "sequence-to-sequence" },
  }),
);
const options = "--task g2p --batch 16 --length 32 --learning-rate 0.01 --threads 1 --checkpoint-every 50 --keep 3";

beforeAll(async () => {
  const { status, stderr } = await place.run([
    ...["train", "g2p.json", ...options.split(" ")],
    ...["--steps", "150", "--score-examples", "20", "--name", "g"],
  ]);
  expect(status, stderr).toBe(0);
  writeFileSync(join(place.folder, "words.txt"), "hello\n\nABBEY\r\nmister\n");
}, 120_000);

const translate = (...args: string[]) => place.run(["translate", "g", "words.txt", ...args]);

describe("seqlab translate", () => {
  test("prints a line for each line, empty ones too; a file and standard input give the same", async () => {
    const { status, stdout, stderr } = await translate();
    expect(status, stderr).toBe(0);
    const lines = stdout.split("\n");
    expect(lines).toHaveLength(5);
    expect(lines[1]).toBe("");
    for (const line of [lines[0], lines[2], lines[3]]) expect(line).toMatch(/^[A-Z]{1,2}( [A-Z]{1,2})*$/);
    const { child, outcome } = place.start(["translate", "g", "-"]);
    child.stdin!.end(readFileSync(join(place.folder, "words.txt")));
    expect((await outcome).stdout).toBe(stdout);
  });

  test("--n-best prints ranked answers with scores, --alignments a source token for each of the answer", async () => {
    const { stdout } = await translate("--n-best", "3", "--alignments");
    const rows = stdout.trimEnd().split("\n").map((line) => line.split("\t")); // biome-ignore format: one expression
    expect(rows.map(([line, rank]) => `${line}.${rank}`)).toEqual(
      [1, 3, 4].flatMap((line) => [1, 2, 3].map((rank) => `${line}.${rank}`)),
    );
    for (const [line, rank, score, text, alignment] of rows) {
      if (rank !== "1") continue;
      const following = rows.filter(([other]) => other === line).map(([, , other]) => Number(other));
      expect(following).toEqual([...following].sort((a, b) => b - a));
      expect(Number(score)).toBeLessThan(0);
      const phonemes = text!.split(" ");
      expect(alignment!.split(" ").map((pair) => Number(pair.split("-")[1]))).toEqual(phonemes.map((_, i) => i));
    }
  });

  test("--json holds sources, answers, and the weights of every layer, rows adding up to 1", async () => {
    const { stdout } = await translate("--json", "--alignments", "--beams", "1");
    const [first, empty] = JSON.parse(stdout);
    expect(first).toMatchObject({ line: 1, source: "hello", answers: [{ text: expect.any(String) }] });
    const { alignment, text } = first.answers[0];
    expect(alignment.source).toEqual([..."HELLO"]);
    expect(alignment.target).toEqual([...text.split(" "), ""]);
    expect(alignment.layers).toHaveLength(1);
    for (const row of alignment.layers[0]) expect(row.reduce((a: number, b: number) => a + b)).toBeCloseTo(1, 5);
    expect(empty).toEqual({ line: 2, source: "", answers: [] });
  });

  test("--average takes the mean of checkpoints, as many as were kept", async () => {
    const mean = await translate("--average", "3", "--beams", "1", "--json");
    expect(mean.status, mean.stderr).toBe(0);
    const last = await translate("--beams", "1", "--json");
    expect(JSON.parse(mean.stdout)[0].answers[0].logProb).not.toBe(JSON.parse(last.stdout)[0].answers[0].logProb);
    const { status, stderr } = await translate("--average", "4");
    expect(status).toBe(1);
    expect(stderr).toMatch(/expected 4 checkpoints, got those of steps 50, 100, 150\..*\[E_CHECKPOINT_AVERAGE\]/);
  });

  test("--threads gives the same answers", async () => {
    expect((await translate("--threads", "2")).stdout).toBe((await translate()).stdout);
    const { status, stderr } = await translate("--threads", "0");
    expect(status).toBe(2);
    expect(stderr).toMatch(/--threads: .*\[E_OPTION\]/);
  });

  test("cross attention by sums over the source answers, and has no alignments to show", async () => {
    const layer = { mixer: { kind: "linear-attention", heads: 2 } };
    const crosses = [
      { kind: "linear-cross-attention", heads: 2 },
      { kind: "performer-cross", heads: 2, features: 8 },
    ];
    const encoder = { layers: [{ mixer: { kind: "attention", heads: 2, causal: false } }] };
    const layers = crosses.map((cross) => ({ ...layer, cross }));
    const spec = { name: "sums", width: 16, encoder, layers, objective: { kind: "sequence-to-sequence" } };
    writeFileSync(join(place.folder, "sums.json"), JSON.stringify(spec));
    const trained = await place.run([
      ...["train", "sums.json", ...options.split(" "), "--steps", "3", "--score-examples", "2", "--name", "sums"],
    ]);
    expect(trained.status, trained.stderr).toBe(0);
    const answers = await place.run(["translate", "sums", "words.txt", "--extra-tokens", "2"]);
    expect(answers.status, answers.stderr).toBe(0);
    expect(answers.stdout.split("\n")).toHaveLength(5);
    const refused = await place.run(["translate", "sums", "words.txt", "--alignments"]);
    expect(refused.status).toBe(1);
    expect(refused.stdout).toBe("");
    expect(refused.stderr).toMatch(/\[E_ALIGNMENTS\]/);
  });

  test("what cannot be answered is told with file and line", async () => {
    writeFileSync(join(place.folder, "bad.txt"), "fine\nw0rd\n");
    const bad = await place.run(["translate", "g", "bad.txt"]);
    expect(bad.status).toBe(1);
    expect(bad.stderr).toMatch(
      /bad\.txt:2: word: expected letters A to Z and apostrophes, got "0".*\[E_G2P_LETTER\]\n$/,
    );
    const many = await translate("--n-best", "5");
    expect(many.status).toBe(2);
    expect(many.stderr).toMatch(/--n-best: expected at most as many answers as beams, 4, got 5\. Add --beams 5/);
    const missing = await place.run(["translate", "g", "nowhere.txt"]);
    expect(missing.stderr).toMatch(/nowhere\.txt: .*E_CORPUS_MISSING/);
  });

  test("the run's codec is all it needs: no data are read", () => {
    const { data } = JSON.parse(readFileSync(join(place.folder, "runs/g/run.json"), "utf8"));
    expect(data.codec.phonemes).toHaveLength(39);
    expect(data.facts).toMatchObject({ split: expect.stringContaining("by word"), heldWords: expect.any(Number) });
  });
});
