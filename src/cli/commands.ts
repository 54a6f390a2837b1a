import type { AnyCommand } from "./frame/command.ts";

/** A command as the overview shows it; its file is imported when it is run or explained. */
export interface CommandEntry {
  summary: string;
  load(): Promise<AnyCommand>;
}

/** Every command, in the order of the overview. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  compare: {
    summary: "train architectures under one size and one budget; leaderboard and report",
    load: async () => (await import("./compare.ts")).compareCommand,
  },
  train: {
    summary: "train one architecture; checkpoints, resume",
    load: async () => (await import("./train.ts")).trainCommand,
  },
  generate: {
    summary: "let a trained run write text",
    load: async () => (await import("./generate.ts")).generateCommand,
  },
  translate: {
    summary: "let a trained encoder–decoder answer a file, line by line",
    load: async () => (await import("./translate.ts")).translateCommand,
  },
  inspect: {
    summary: "a trained run seen from inside: attention, gradients, states, answers by layer",
    load: async () => (await import("./inspect.ts")).inspectCommand,
  },
  describe: {
    summary: "parameters, FLOPs, state bytes, equations and citations of a spec",
    load: async () => (await import("./describe.ts")).describeCommand,
  },
  profile: {
    summary: "time and bytes per op and per block of a training or decoding step; a flame chart",
    load: async () => (await import("./profile.ts")).profileCommand,
  },
  score: {
    summary: "BLEU, chrF, TER, WER, CER and ROUGE of texts; accuracy of labels, errors of numbers",
    load: async () => (await import("./score.ts")).scoreCommand,
  },
  study: {
    summary: "experiments on why architectures work: factors, seeds, tables with spread",
    load: async () => (await import("./study.ts")).studyCommand,
  },
  runs: {
    summary: "list the runs in a folder",
    load: async () => (await import("./runs.ts")).runsCommand,
  },
};
