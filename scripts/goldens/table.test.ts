import { expect, it } from "vitest";
import { goldensTable } from "./table.ts";

it("counts each component, names what disagrees, and sums up per kind", () => {
  const row = { kind: "ops", component: "exp", maxError: null, where: "" };
  const table = goldensTable([
    { ...row, case: "plain", status: "agreed", maxError: 2e-16, where: "out.y" },
    { ...row, case: "edges", status: "disagreed", maxError: 0.5, where: "grad.in.x" },
    { ...row, component: "qr", case: "tall", status: "absent", where: "no factorisations" },
  ]);
  expect(table).toContain("ops/exp       1         1      0  5.0e-1     edges: grad.in.x");
  expect(table).toContain("ops/qr        0         0      1             tall: no factorisations");
  expect(table).toMatch(/^all +1 +1 +1$/m);
});
