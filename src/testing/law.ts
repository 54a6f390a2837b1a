import { describe, test } from "vitest";

/** One promise: to whom it applies, and how it is shown. Suites are lists of laws; a declaration decides which apply. */
export interface Law<Rig> {
  name: string;
  applies?: (rig: Rig) => boolean;
  check: (rig: Rig) => void | Promise<void>;
}

/** A test for every config and every law that applies to it. */
export function runLaws<Rig>(
  title: string,
  rigs: readonly { label: string; rig: Rig }[],
  laws: readonly Law<Rig>[],
): void {
  describe(title, () => {
    for (const { label, rig } of rigs)
      describe(label, () => {
        for (const { name, applies, check } of laws) if (applies?.(rig) ?? true) test(name, () => check(rig));
      });
  });
}
