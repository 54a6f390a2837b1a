import { resolveObjectURL } from "node:buffer";
import { Worker as NodeWorker } from "node:worker_threads";

/** What a script written for browsers finds as its global scope. */
const scope = `
  const { parentPort } = require("node:worker_threads");
  globalThis.self = globalThis;
  globalThis.postMessage = (message) => parentPort.postMessage(message);
  parentPort.on("message", (data) => self.onmessage({ data }));
`;

const started: BlobWorker[] = [];

/** The part of the browser's `Worker` that thread pools use, on a Node thread. */
class BlobWorker {
  onmessage: ((event: { data: unknown }) => void) | undefined;
  onerror: ((error: Error) => void) | undefined;
  readonly #thread: Promise<NodeWorker>;

  constructor(url: string) {
    started.push(this);
    this.#thread = this.#start(url);
  }

  async #start(url: string): Promise<NodeWorker> {
    const source = (await resolveObjectURL(url)?.text()) ?? "";
    const thread = new NodeWorker(scope + source, { eval: true });
    thread.on("message", (data) => this.onmessage?.({ data }));
    thread.on("error", (error) => this.onerror?.(error as Error));
    return thread;
  }

  postMessage(message: unknown): void {
    void this.#thread.then((thread) => thread.postMessage(message));
  }

  async terminate(): Promise<void> {
    await (await this.#thread).terminate();
  }
}

/** Gives a library that was written for browsers a `Worker`, and the number of threads that it may start. */
export function provideWorkers(threads: number): void {
  Object.assign(globalThis, { Worker: BlobWorker });
  Object.defineProperty(globalThis, "navigator", { value: { userAgent: "node", hardwareConcurrency: threads } });
}

/** Ends the threads that were started, without which the process would not end. */
export async function endWorkers(): Promise<void> {
  await Promise.all(started.map((worker) => worker.terminate()));
}
