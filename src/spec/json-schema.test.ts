import { readFileSync } from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { shippedSpecs } from "./index.ts";

const read = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const validate = new Ajv2020.default({ strict: false, allErrors: true }).compile(read("./generated/spec.schema.json"));
const source = (name: string) => read(`../../specs/${name}.json`);

describe("the generated JSON Schema, as an editor checks with it", () => {
  const folders = ["", "published", "tiny", "g2p"] as const;
  test.each(folders.flatMap((folder) => shippedSpecs(...(folder === "" ? [] : ([folder] as const)))))(
    "accepts %s",
    (name) => {
      validate(source(name));
      expect(validate.errors).toBeNull();
    },
  );

  test.each([
    ["a key with a slip of the pen", { headz: 4 }, /\/layers\/0\/mixer/],
    ["a value of another kind", { heads: "four" }, /\/layers\/0\/mixer\/heads/],
    ["an unknown component", { kind: "atention" }, /\/layers\/0\/mixer/],
  ])("rejects %s where it stands", (_, change, where) => {
    const spec = source("llama");
    const layers = Array.isArray(spec.layers) ? spec.layers : [spec.layers];
    Object.assign(layers[0].mixer, change);
    expect(validate({ ...spec, layers })).toBe(false);
    expect(validate.errors!.map(({ instancePath }) => instancePath).join(" ")).toMatch(where);
  });
});
