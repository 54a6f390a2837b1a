import { expect, test } from "vitest";
import { openDataset } from "../tasks/index.ts";
import { provenanceText } from "./provenance-text.ts";

test("the provenance of the dictionary's split is one line", async () => {
  const line = provenanceText(await openDataset({ kind: "g2p", stress: false }));
  expect(line).toMatch(
    /^cmudict: task g2p, source CMU Pronouncing Dictionary, @stdlib\/datasets-cmudict, split by word: /,
  );
  expect(line).toMatch(/train words \d{3},\d{3}, train sha256 [0-9a-f]{12}…, held words \d{2},\d{3}, held sha256 /);
  expect(line).toMatch(/phonemes 39, stress false, beams 1$/);
});
