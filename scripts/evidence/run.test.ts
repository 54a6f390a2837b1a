import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readRecords } from "../rows/records.ts";
import type { Claim, EvidenceResult } from "./protocol.ts";
import { runProtocol } from "./run.ts";

const base = mkdtempSync(join(tmpdir(), "seqlab-evidence-"));
const file = "evidence/protocols/heads.ts";
beforeAll(() => {
  mkdirSync(join(base, "evidence/protocols"), { recursive: true });
  writeFileSync(join(base, file), "export const rows = [];");
});
afterAll(() => rmSync(base, { recursive: true }));

const claim = (row: string, holds = true): Claim => ({ row, holds, text: `${row} by 3 %` });

function run(claims: readonly Claim[]): { done: Promise<string[]>; lines: string[] } {
  const lines: string[] = [];
  const result: EvidenceResult = { seeds: [1, 2], claims, figures: { lossNats: [1.5, 2] } };
  const protocol = {
    name: "heads",
    rows: ["mha", "sdpa"],
    minutes: 7,
    run: async (report: (line: string) => void) => {
      report("half way");
      return result;
    },
  };
  return { done: runProtocol({ file, protocol, base }, (line) => lines.push(line)), lines };
}

test("a run writes its protocol, claims and figures, and marks its rows", async () => {
  const { done, lines } = run([claim("mha"), claim("sdpa")]);
  expect(await done).toEqual([]);
  expect(lines).toEqual(["heads: 0:00 of about 7 min: half way"]);
  const written = JSON.parse(readFileSync(join(base, "evidence/heads.json"), "utf8"));
  expect(written).toMatchObject({ name: "heads", protocol: { seeds: [1, 2] }, figures: { lossNats: [1.5, 2] } });
  expect(written.protocol.versions.node).toBe(process.versions.node);
  expect(written.protocol.versions.onnxruntime).toMatch(/^\d+\.\d+/);
  expect(readRecords(base).map(({ row, by }) => `${row} ${by}`)).toEqual([`mha ${file}`, `sdpa ${file}`]);
});

test("a refuted claim is told and its row loses its mark", async () => {
  const refuted = "sdpa";
  expect(await run([claim("mha"), claim(refuted), claim(refuted, false)]).done).toEqual([`[${refuted}] sdpa by 3 %`]);
  expect(readRecords(base).map(({ row }) => row)).toEqual(["mha"]);
});

test.each([[[claim("mha")]], [[claim("mha"), claim("sdpa"), claim("ffn-relu")]]])(
  "claims must match the rows: %j",
  async (claims) => {
    await expect(run(claims).done).rejects.toThrow(/E_EVIDENCE_CLAIMS/);
    expect(readRecords(base)).toEqual([]);
  },
);
