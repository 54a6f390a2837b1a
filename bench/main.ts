/** `npm run bench -- COMMAND`: measurements on this machine, against other programs where there are such. */
import { defineCommand, runCommand, runMain } from "citty";
import { SeqlabError } from "../src/tensor/index.ts";

const bench = defineCommand({
  meta: { name: "bench", description: "Measure seqlab's speed on this machine, beside other programs" },
  subCommands: {
    decode: () => import("./decode/command.ts").then((command) => command.default),
    "train-step": () => import("./train-step/command.ts").then((command) => command.default),
  },
});

const rawArgs = process.argv.slice(2);
const asksForHelp = rawArgs.length === 0 || rawArgs.includes("--help") || rawArgs.includes("-h");

try {
  await (asksForHelp ? runMain(bench) : runCommand(bench, { rawArgs }));
} catch (error) {
  // A user's mistake needs its sentence, a bug its stack.
  const expected = error instanceof SeqlabError || (error instanceof Error && error.name === "CLIError");
  process.stderr.write(`${expected ? error.message : error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
}
