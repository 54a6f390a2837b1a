import { defineConfig } from "vitest/config";

/** `SEQLAB_ROWS=write npm test` also writes the rows that passed to `evidence/rows.json`. */
const reporters = process.env.SEQLAB_ROWS === "write" ? ["default", "./scripts/rows/reporter.ts"] : ["default"];

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "scripts/**/*.test.ts", "bench/**/*.test.ts", "examples/**/*.test.ts"],
    testTimeout: 120_000,
    maxWorkers: 2,
    // Modules are loaded once a worker: half of the time. Test files must not leave changed globals behind.
    isolate: false,
    reporters,
  },
});
