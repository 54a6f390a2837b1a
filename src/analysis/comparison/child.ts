/** Entry of the process in which one job runs alone, so that its peak memory is its own. */
import { SeqlabError } from "../../tensor/index.ts";
import { decodeJob, sampleJob } from "./decoding-job.ts";
import type { Job, JobProgress, Outcomes } from "./jobs.ts";
import type { ChildMessage } from "./run-job.ts";
import { trainJob, trialJob } from "./training-job.ts";

process.once("message", (job: Job) => void answer(job));
// Whoever asked is gone: nobody wants the answer any more.
process.once("disconnect", () => process.exit(1));

async function answer(job: Job): Promise<void> {
  const send = (message: ChildMessage) => void process.send!(message);
  try {
    send({ outcome: await runJob(job, (progress) => send({ progress })) });
  } catch (error) {
    send(describeError(error));
  }
  process.removeAllListeners("disconnect");
  process.disconnect();
}

function describeError(error: unknown): ChildMessage {
  if (error instanceof SeqlabError) return { fault: { ...error.fault, cause: undefined } };
  if (!(error instanceof Error)) return { message: String(error) };
  if (!("syscall" in error)) return { message: error.stack ?? error.message };
  const where = "path" in error ? String(error.path) : "file system";
  return { fault: { code: "E_DISK", where, expected: "a working file system", got: error.message } };
}

function runJob(job: Job, report: (progress: JobProgress) => void): Promise<Outcomes[keyof Outcomes]> {
  switch (job.kind) {
    case "train":
      return trainJob(job, report);
    case "trial":
      return trialJob(job);
    case "decode":
      return decodeJob(job, report);
    case "sample":
      return sampleJob(job);
  }
}
