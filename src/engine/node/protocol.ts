import type { Fault } from "../../tensor/index.ts";

/** A call of one of the host's methods, sent to the worker. */
export interface Request {
  id: number;
  method: string;
  args: unknown[];
}

/** Its answer: a result, an error of ours, or any other error's message. */
export type Reply = { id: number } & ({ result: unknown } | { fault: Fault } | { message: string });
