/** Entry of the process in which one job runs alone, so that its peak memory is its own. */
import { SeqlabError } from "../../tensor/index.ts";
import { decodeJob, sampleJob } from "./decoding-job.ts";
import type { Job, JobProgress, Outcomes } from "./jobs.ts";
import type { ChildMessage } from "./run-job.ts";
import { trainJob, trialJob } from "./training-job.ts";

process.once("message", (job: Job) => void answer(job));

async function answer(job: Job): Promise<void> {
  const send = (message: ChildMessage) => void process.send!(message);
  try {
    send({ outcome: await runJob(job, (progress) => send({ progress })) });
  } catch (error) {
    if (error instanceof SeqlabError) send({ fault: { ...error.fault, cause: undefined } });
    else send({ message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
  process.disconnect();
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
