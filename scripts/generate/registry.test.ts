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

test("the registry quotes kinds that are no names and tells same names of two folders apart", () => {
  const text = renderRegistry([
    { folder: "mixers", components: [{ name: "mamba2", kind: "mamba-2" }] },
    { folder: "channels", components: [{ name: "none", kind: "none" }] },
    { folder: "positions", components: [{ name: "none", kind: "none" }] },
    { folder: "routers", components: [] },
  ]);
  expect(text).toBe(`// Written by \`npm run generate\` from the components' declarations.
import { mamba2 } from "../mixers/mamba-2.ts";
import { none as channels_none } from "../channels/none.ts";
import { none as positions_none } from "../positions/none.ts";

export const mixers = {
  "mamba-2": mamba2,
} as const;

export const channels = {
  none: channels_none,
} as const;

export const positions = {
  none: positions_none,
} as const;

export const routers = {
} as const;
`);
});
