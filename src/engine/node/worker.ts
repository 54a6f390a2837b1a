import { parentPort, workerData } from "node:worker_threads";
import { SeqlabError } from "../../tensor/index.ts";
import { Host, type HostOptions } from "./host.ts";
import type { Reply, Request } from "./protocol.ts";

const host = new Host(workerData as HostOptions);
const methods = host as unknown as Record<string, (...args: unknown[]) => unknown>;

// Requests are answered in order: a session must not run twice at a time.
let previous: Promise<void> = Promise.resolve();
parentPort!.on("message", (request: Request) => {
  previous = previous.then(() => answer(request));
});

async function answer({ id, method, args }: Request): Promise<void> {
  parentPort!.postMessage(await replyOf(id, () => methods[method]!.apply(host, args)));
}

async function replyOf(id: number, call: () => unknown): Promise<Reply> {
  try {
    return { id, result: await call() };
  } catch (error) {
    if (error instanceof SeqlabError) return { id, fault: { ...error.fault, cause: undefined } };
    return { id, message: error instanceof Error ? error.message : String(error) };
  }
}
