import { generators, staleness } from "../generate/generators.ts";
import type { Step } from "./step.ts";

/** Generated files hold what their generators render now. */
export const generated: Step = {
  name: "generated",
  async find() {
    const stale = await Promise.all((await generators()).map(staleness));
    return { problems: stale.filter((problem) => problem !== undefined) };
  },
};
