import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SeqlabError } from "../tensor/error.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
import { numbersOf } from "./stored-tensor.ts";

const goldens = process.env.SEQLAB_GOLDENS ?? "../shared/goldens";
const hostile = join(goldens, "safetensors-hostile");
const missing = !existsSync(hostile);

interface HostileCase {
  file: string;
  why: string;
  expect: "accept" | "reject" | "either";
  verdict: { read?: { tensors: Record<string, { shape: number[]; values: number[] }>; metadata: object | null } };
}

const cases: HostileCase[] = missing ? [] : JSON.parse(readFileSync(join(hostile, "index.json"), "utf8")).files;

describe.skipIf(missing)(`hostile files (skipped where ${hostile} is missing)`, () => {
  test("the folder has cases", () => expect(cases.length).toBeGreaterThan(0));

  test.each(cases)("$file: $why ($expect)", (golden) => {
    const bytes = readFileSync(join(hostile, golden.file));
    if (golden.expect === "reject") return expect(() => decodeSafetensors(bytes, golden.file)).toThrow(SeqlabError);
    const accepted = maybeDecode(bytes, golden.file);
    if (golden.expect === "accept") expect(accepted).toBeDefined();
    if (accepted && golden.verdict.read) expectSame(accepted, golden.verdict.read);
  });
});

describe.skipIf(missing)(`all goldens (skipped where ${goldens} is missing)`, () => {
  const files = missing ? [] : readdirSync(goldens, { recursive: true, encoding: "utf8" });
  const good = files.filter((file) => file.endsWith(".safetensors") && !file.startsWith("safetensors-hostile"));

  test("every file is read, and written again to the same bytes", () => {
    expect(good.length).toBeGreaterThan(0);
    for (const file of good) {
      const bytes = readFileSync(join(goldens, file));
      const again = encodeSafetensors(decodeSafetensors(bytes, file));
      expect(bytes.equals(again), file).toBe(true);
    }
  });
});

function maybeDecode(bytes: Uint8Array, where: string): ReturnType<typeof decodeSafetensors> | undefined {
  try {
    return decodeSafetensors(bytes, where);
  } catch (error) {
    if (error instanceof SeqlabError) return undefined;
    throw error;
  }
}

function expectSame(read: ReturnType<typeof decodeSafetensors>, expected: NonNullable<HostileCase["verdict"]["read"]>) {
  expect({ ...read.metadata }).toEqual(expected.metadata ?? {});
  expect(Object.keys(read.tensors).sort()).toEqual(Object.keys(expected.tensors).sort());
  for (const [name, { shape, values }] of Object.entries(expected.tensors)) {
    const tensor = read.tensors[name]!;
    expect(tensor.shape).toEqual(shape);
    const numbers = Array.from(numbersOf(tensor), (v) => (tensor.dtype === "BOOL" ? Math.sign(v) : v));
    expect(numbers).toEqual(values);
  }
}
