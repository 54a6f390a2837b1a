/** What a step found. */
export interface Finding {
  /** One sentence each, with file and line where there is one; the step passes when there are none. */
  problems: string[];
  /** A line of figures, shown also when all is well. */
  note?: string;
}

/** One thing that `npm run check` looks at. */
export interface Step {
  name: string;
  find(): Finding | Promise<Finding>;
}

/** Runs a step; a step that throws has failed. */
export async function runStep(step: Step): Promise<Finding & { seconds: number }> {
  const start = performance.now();
  const finding = await Promise.resolve()
    .then(() => step.find())
    .catch((error: unknown) => ({
      problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
    }));
  return { ...finding, seconds: (performance.now() - start) / 1000 };
}
