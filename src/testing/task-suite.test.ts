import { copy } from "../tasks/strings/copy.ts";
import { taskSuite } from "./task-suite.ts";

/** What follows in the first half, behind the separator. */
const solve = (read: readonly number[], { symbols }: { symbols: number }) =>
  read[read.length - 1 - read.indexOf(symbols)];

taskSuite(copy, { configs: [{ c: {}, lengths: [5] }], solve });
