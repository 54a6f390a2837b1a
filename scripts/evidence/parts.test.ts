import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { onceDone } from "./parts.ts";

test("a part is done once for a key, and again for another; one that failed is tried again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "seqlab-parts-"));
  try {
    let times = 0;
    const work = async () => ({ times: ++times });
    const failing = async () => {
      throw new Error("interrupted");
    };
    const parts = { folder: join(folder, "runs"), key: { steps: 3 } };
    await expect(onceDone(parts, { name: "train", work: failing })).rejects.toThrow("interrupted");
    expect(await onceDone(parts, { name: "train", work })).toEqual({ times: 1 });
    expect(await onceDone(parts, { name: "train", work })).toEqual({ times: 1 });
    expect(await onceDone(parts, { name: "score", work })).toEqual({ times: 2 });
    expect(await onceDone({ ...parts, key: { steps: 4 } }, { name: "train", work })).toEqual({ times: 3 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
