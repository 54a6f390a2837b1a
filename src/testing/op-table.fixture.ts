import type { Op } from "../tensor/index.ts";
import { elementwiseRows } from "./op-elementwise.fixture.ts";
import { fusedRows } from "./op-fused.fixture.ts";
import { layoutRows } from "./op-layout.fixture.ts";
import { productRows } from "./op-product.fixture.ts";
import type { OpRow } from "./op-samples.fixture.ts";

/** How every op of the vocabulary is tried: one that is missing does not compile. */
export const opTable: { readonly [K in Op]: OpRow } = {
  ...elementwiseRows,
  ...layoutRows,
  ...productRows,
  ...fusedRows,
};
