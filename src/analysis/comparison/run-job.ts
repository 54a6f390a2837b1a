import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Fault, fail, SeqlabError } from "../../tensor/index.ts";
import type { Job, JobProgress, Outcomes } from "./jobs.ts";

/** What a child says: where it is, and at last what came of it. */
export type ChildMessage =
  | { progress: JobProgress }
  | { outcome: Outcomes[keyof Outcomes] }
  | { fault: Fault }
  | { message: string };

/** Runs a job in a process of its own. Aborting ends the process. */
export function runJob<J extends Job>(
  job: J,
  {
    signal,
    onProgress,
  }: { signal?: AbortSignal | undefined; onProgress?: ((progress: JobProgress) => void) | undefined } = {},
): Promise<Outcomes[J["kind"]]> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const entry = fileURLToPath(new URL(`./child.${extension}`, import.meta.url));
  return new Promise((resolve, reject) => {
    const child = fork(entry, {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      ...(signal && { signal }),
    });
    let answered = false;
    const settle = (act: () => void) => {
      answered = true;
      act();
    };
    child.on("message", (message: ChildMessage) => {
      if ("progress" in message) onProgress?.(message.progress);
      else if ("outcome" in message) settle(() => resolve(message.outcome as Outcomes[J["kind"]]));
      else settle(() => reject("fault" in message ? new SeqlabError(message.fault) : new Error(message.message)));
    });
    child.on("error", (error) => settle(() => reject(error)));
    child.on("exit", (code, killed) => {
      if (!answered) reject(endedEarly(job, code, killed));
    });
    child.send(job);
  });
}

function endedEarly(job: Job, code: number | null, killed: string | null): Error {
  try {
    return fail({
      code: "E_JOB",
      where: `${job.kind} ${job.spec.name}`,
      expected: "a process that answers",
      got: killed ? `one ended by ${killed}` : `exit status ${code}`,
      hint:
        killed === "SIGKILL"
          ? "The system may have run out of memory: try a smaller size, batch or length."
          : "Run it alone to see more.",
    });
  } catch (error) {
    return error as Error;
  }
}
