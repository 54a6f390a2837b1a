import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ArgsDef, defineCommand, runCommand } from "citty";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { checkArguments } from "./frame/check-arguments.ts";
import type { Command } from "./frame/command.ts";
import { renderHelp } from "./frame/help.ts";
import { scoreCommand } from "./score.ts";

const command = scoreCommand as unknown as Command<ArgsDef>;
const folder = mkdtempSync(join(tmpdir(), "seqlab-score-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const files = {
  "out.txt": "the cat sat on the mat\r\nHello there\n",
  "ref.txt": "the cat is on the mat\nhello\n",
  "more.txt": "\nHello there\n",
  "short.txt": "one line",
  "empty.txt": "",
};
for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
writeFileSync(join(folder, "bytes.txt"), Buffer.from([0xff, 0x0a]));

/** Standard output of a call; words that are files stand for those of the folder. */
async function score(...words: string[]): Promise<string> {
  const raw = words.map((word) => (word.endsWith(".txt") ? join(folder, word) : word));
  const { operands, given } = await checkArguments(command, raw);
  let written = "";
  const spy = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    written += String(text);
    return true;
  });
  try {
    const parsed = defineCommand({
      args: command.options,
      run: ({ args }) => command.run({ args, operands, given, raw }),
    });
    await runCommand(parsed, { rawArgs: raw });
  } finally {
    spy.mockRestore();
  }
  return written;
}

describe("seqlab score", () => {
  test("prints every score with its signature", async () => {
    const lines = (await score("out.txt", "ref.txt")).split("\n");
    expect(lines[0]).toMatch(/^metric +score +better +signature$/);
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^BLEU +\d+\.\d\d +higher +nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:exp\|version:2\.6\.0$/,
      ),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^WER +42\.86 +lower +nrefs:1\|case:mixed\|unit:word\|/));
  });

  test("prints the same as JSON, unrounded and with its parts", async () => {
    const { segments, scores } = JSON.parse(await score("out.txt", "ref.txt", "--metrics", "wer,ter", "--json"));
    expect(segments).toBe(2);
    expect(scores).toMatchObject([
      { name: "WER", score: expect.closeTo(300 / 7, 12), parts: { hits: 5, substitutions: 2, insertions: 1 } },
      { name: "TER", score: expect.closeTo(200 / 7, 12), parts: { edits: 2, referenceWords: 7 } },
    ]);
  });

  test("takes several references; an empty line is none", async () => {
    const { scores } = JSON.parse(await score("out.txt", "ref.txt", "more.txt", "--metrics", "wer", "--json"));
    expect(scores[0]).toMatchObject({ score: 12.5, signature: expect.stringContaining("nrefs:var") });
  });

  test("passes BLEU's settings on", async () => {
    const words = ["--metrics", "bleu", "--tokenizer", "none", "--smoothing", "floor", "--smoothing-value", "0.5"];
    const line = await score("out.txt", "ref.txt", ...words, "--max-order", "2", "--effective-order", "--lowercase");
    expect(line).toMatch(/BLEU-2 .*\|case:lc\|eff:yes\|tok:none\|smooth:floor\[0\.50\]\|/);
  });

  test("scores lines", async () => {
    expect(await score("out.txt", "ref.txt", "--segments", "--metrics", "wer,cer")).toBe(
      "line\tWER\tCER\n1\t16.67\t14.29\n2\t200.00\t140.00\n",
    );
  });

  test.each([
    [["out.txt"], "expected REFERENCES"],
    [["-", "-"], "expected standard input once"],
    [["out.txt", "short.txt"], "expected 2 lines"],
    [["out.txt", "empty.txt"], "expected at least one line"],
    [["out.txt", "bytes.txt"], "expected text in UTF-8"],
    [["out.txt", "nowhere.txt"], "got no such file"],
    [["out.txt", "ref.txt", "--metrics", "blue"], 'got "blue"'],
    [["out.txt", "ref.txt", "--smoothing-value", "1"], "expected --smoothing floor or add-k"],
    [["out.txt", "ref.txt", "--max-order", "0"], "[E_OPTION]"],
  ])("refuses %j", async (words, message) => {
    await expect(score(...words)).rejects.toThrow(message);
  });

  describe("--of", () => {
    const put = (name: string, lines: readonly (string | number)[]) =>
      writeFileSync(join(folder, name), `${lines.join("\n")}\n`);
    const scoresOf = async (...words: string[]) => {
      const { scores } = JSON.parse(await score(...words, "--json"));
      return Object.fromEntries(scores.map(({ name, score }: { name: string; score: number }) => [name, score]));
    };
    beforeAll(() => {
      put("labels.txt", ["spam", "ham", "ham", "spam"]);
      put("truth.txt", ["spam", "ham", "spam", "spam"]);
      put("forecast.txt", [1, 2.5, -1]);
      put("came.txt", [2, 2, 0]);
      put("estimate.txt", [1.1, -0.9, 0.9, -1.1]);
      put("target.txt", [1, -1, 1, -1]);
      put("mixture.txt", [2, 0, 0, -2]);
      put("strange.txt", [1, "two", 3]);
    });

    test("[accuracy-f1-auc-mrr-recall] labels: accuracy and F1 as worked by hand", async () => {
      const scores = await scoresOf("labels.txt", "truth.txt", "--of", "labels");
      // ham: 1 of 2 said, 1 of 1 true; spam: 2 of 2 said, 2 of 3 true. F1 2/3 and 4/5.
      expect(scores).toMatchObject({ accuracy: 75, "balanced accuracy": expect.closeTo(500 / 6, 10) });
      expect(scores["F1 (macro)"]).toBeCloseTo((100 * (2 / 3 + 4 / 5)) / 2, 10);
      expect(scores["kappa"]).toBeCloseTo(0.5, 12);
    });

    test("[mae-mse-mape] numbers: errors as worked by hand, a target of 0 guarded", async () => {
      expect(await scoresOf("forecast.txt", "came.txt", "--of", "numbers")).toEqual({
        MAE: expect.closeTo(2.5 / 3, 12),
        MSE: 0.75,
        RMSE: expect.closeTo(Math.sqrt(0.75), 12),
        MAPE: 37.5,
        sMAPE: expect.closeTo((200 * (1 / 3 + 0.5 / 4.5 + 1)) / 3, 10),
        "R²": expect.closeTo(1 - 2.25 / (8 / 3), 12),
      });
    });

    test("[si-sdri] signals: the improvement over a mixture, whatever the loudness", async () => {
      const scores = await scoresOf("estimate.txt", "target.txt", "mixture.txt", "--of", "signals");
      expect(scores).toEqual({
        ...{ SNR: expect.closeTo(20, 9), "SI-SDR": expect.closeTo(20, 9), "SI-SDRi": expect.closeTo(20, 9) },
      });
      const table = await score("estimate.txt", "target.txt", "--of", "signals");
      expect(table).toMatch(/^SI-SDR +20 +dB +higher/m);
      expect(table).not.toContain("SI-SDRi");
    });

    test.each([
      [["strange.txt", "came.txt", "--of", "numbers"], 'strange.txt:2: expected a number, got "two". Write one number'],
      [["labels.txt", "came.txt", "--of", "labels"], "came.txt: expected 4 lines, as in "],
      [["labels.txt", "truth.txt", "truth.txt", "--of", "labels"], "expected one file with --of labels"],
      [["labels.txt", "truth.txt", "--of", "labels", "--stem"], "--stem: expected no settings of texts"],
      [["labels.txt", "truth.txt", "--of", "label"], "Did you mean labels?"],
    ])("refuses %j", async (words, message) => {
      await expect(score(...words)).rejects.toThrow(message);
    });
  });

  test("explains itself within 100 columns", () => {
    for (const line of renderHelp(command).split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });
});
