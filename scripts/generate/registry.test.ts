import { expect, test } from "vitest";
import { declaredComponents } from "./components.ts";
import { renderRegistry } from "./renderers/registry.ts";

test("a component is an exported call of a define function, through satisfies and as", () => {
  const text = `
    const helper = defineMixer({ kind: "hidden" });
    export const other = build({ kind: "other" });
    export const mamba2 = defineMixer<Config>({ title: "Mamba-2", kind: "mamba-2" }) satisfies Mixer;
  `;
  expect(declaredComponents("mamba-2.ts", text)).toEqual([{ name: "mamba2", kind: "mamba-2" }]);
  expect(declaredComponents("machinery.ts", "export const two = 2;")).toEqual([]);
});

test("a kind that is not its file's name is refused", () => {
  const text = 'export const gla = defineMixer({ kind: "gated" });';
  expect(() => declaredComponents("gla.ts", text)).toThrow(
    /gla.ts: gla.kind: expected "gla".*got "gated".*E_COMPONENT_KIND/,
  );
});

test("two components in one file are refused", () => {
  const text = 'export const a = defineNorm({ kind: "a" }); export const b = defineNorm({ kind: "a" });';
  expect(() => declaredComponents("a.ts", text)).toThrow(/E_COMPONENT_COUNT/);
});

test("the registry quotes kinds that are no names and renames a component that bears its folder's name", () => {
  const components = [
    { name: "mamba2", kind: "mamba-2" },
    { name: "mixers", kind: "mixers" },
  ];
  expect(
    renderRegistry("mixers", components),
  ).toBe(`// Written by \`npm run generate\` from the components' declarations.
import { mamba2 } from "../mixers/mamba-2.ts";
import { mixers as mixersComponent } from "../mixers/mixers.ts";

export const mixers = {
  "mamba-2": mamba2,
  mixers: mixersComponent,
} as const;
`);
});
