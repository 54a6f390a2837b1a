import type { Tensor } from "../../tensor/index.ts";
import type { GoldenCase } from "./golden-case.ts";

/** Says that the case needs an option or a component that does not exist here, and which. */
export type Absent = `absent: ${string}`;

/** Tensors by the names under which the case stores them: `out.y`, `state.out.h`. */
export interface GoldenGraph {
  outputs: Readonly<Record<string, Tensor>>;
  /**
   * Gradients that are zero by theory where the source's rounding is coarser than the case says: neither what is stored
   * nor what is computed may reach the least magnitude that counts.
   */
  cancels?: readonly string[];
}

/**
 * How one component of the goldens is expressed here. Adapters stand beside what they adapt, in `*.goldens.ts` files
 * that export `adapters`, and are found by that name.
 */
export type GoldenAdapter = { readonly kind: string; readonly component: string } & (
  | {
      /** The component's graph over leaves taken from the case; gradients are derived from it. */
      build(c: GoldenCase): GoldenGraph | Absent;
    }
  | {
      /** For what is no graph: the stored `out.*` tensors as flat numbers. */
      compute(c: GoldenCase): Computed | Promise<Computed>;
    }
);

export type Computed = Readonly<Record<string, ArrayLike<number>>> | Absent;
