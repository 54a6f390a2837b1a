import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { byteLevel } from "../data/tokenizers/hugging-face.fixture.ts";
import { createWorkplace } from "./cli.fixture.ts";

const place = createWorkplace();
afterAll(() => place.remove());
const file = (name: string) => join(place.folder, name);
const put = (name: string, content: unknown) => writeFileSync(file(name), JSON.stringify(content));
put("bytes.json", byteLevel);
put("words.json", {
  model: { type: "WordLevel", vocab: { "[UNK]": 0, the: 1, whale: 2 }, unk_token: "[UNK]" },
  pre_tokenizer: { type: "WhitespaceSplit" },
});
const small = "--steps 4 --checkpoint-every 2 --batch 2 --length 16 --threads 1".split(" ");

describe("a given tokenizer.json", () => {
  test("[tokenizer] is stored with the run: generating and going on need the run's folder alone", async () => {
    put("gone.json", byteLevel);
    const trained = await place.run([
      "train",
      "tiny.json",
      "--data",
      "text.txt",
      "--tokenizer",
      "gone.json",
      "--name",
      "text",
      ...small,
    ]);
    expect(trained.stderr).not.toContain("[E_");
    expect(trained.status).toBe(0);
    rmSync(file("gone.json"));
    const { data } = JSON.parse(readFileSync(file("runs/text/run.json"), "utf8"));
    expect(data.tokenizer).toMatchObject({ kind: "huggingface", file: { model: { type: "BPE" } } });
    rmSync(file("runs/text/checkpoints/4"), { recursive: true });
    const resumed = await place.run(["train", "--resume", "text"]);
    expect(resumed.status).toBe(0);
    const generated = await place.run([
      "generate",
      "text",
      "--prompt",
      "the whale",
      "--tokens",
      "4",
      "--temperature",
      "0",
    ]);
    expect(generated.stdout.startsWith("the whale")).toBe(true);
    expect(generated.status).toBe(0);
  }, 60_000);

  test("serves both sides of pairs, and translates from the run's folder alone", async () => {
    writeFileSync(file("pairs.tsv"), Array.from({ length: 40 }, (_, i) => `der Wal ${i}\tthe whale ${i}\n`).join(""));
    put("pairs.json", {
      name: "pairs",
      width: 16,
      encoder: { layers: [{ mixer: { kind: "gru" } }], bridge: "state" },
      layers: [{ mixer: { kind: "gru" } }],
      objective: { kind: "sequence-to-sequence" },
    });
    put("gone.json", byteLevel);
    const options = ["--task", "translate", "--pairs", "pairs.tsv", "--tokenizer", "gone.json", "--name", "pairs"];
    const trained = await place.run(["train", "pairs.json", ...options, ...small]);
    expect(trained.stderr).not.toContain("[E_");
    expect(trained.stderr).toMatch(
      /pairs\.tsv: task translation, .*the last 4 pairs, .*tokenizer huggingface, vocabulary 261/,
    );
    expect(trained.status).toBe(0);
    rmSync(file("gone.json"));
    writeFileSync(file("asked.txt"), "der Wal 3\nder Wal 7\n");
    const answered = await place.run(["translate", "pairs", "asked.txt", "--beams", "1"]);
    expect(answered.status).toBe(0);
    expect(answered.stdout.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
    rmSync(file("runs/pairs/checkpoints/4"), { recursive: true });
    expect((await place.run(["train", "--resume", "pairs"])).status).toBe(0);
  }, 60_000);

  test("is refused where bits per byte would not count what was read", async () => {
    const outcome = await place.run([
      "train",
      "tiny.json",
      "--data",
      "text.txt",
      "--tokenizer",
      "words.json",
      "--name",
      "lossy",
      ...small,
    ]);
    expect(outcome.status).not.toBe(0);
    expect(outcome.stderr).toMatch(
      /text\.txt: validation, text 1: expected a tokenizer whose ids give the text back.*\[E_TOKENIZER_LOSSY\]/s,
    );
  });
});
