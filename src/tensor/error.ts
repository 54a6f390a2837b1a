/** What an error message is made of: where it happened, what was expected, what came, what to do. */
export interface Fault {
  /** Stable code, `E_…`, by which programs and documentation refer to the error. */
  code: `E_${string}`;
  /** Path of the offending thing: `model.layers[3].mixer.heads`, a file, an op. */
  where: string;
  expected: string;
  got?: string;
  /** One sentence: what to write instead. */
  hint?: string;
  cause?: unknown;
}

/** The only error class thrown on purpose; `message` is the whole sentence shown to the user. */
export class SeqlabError extends Error {
  override readonly name = "SeqlabError";
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(describeFault(fault), fault.cause === undefined ? undefined : { cause: fault.cause });
    this.fault = fault;
  }
}

/** Throws a {@link SeqlabError} reading `where: expected …, got …. Hint. [E_CODE]`. */
export function fail(fault: Fault): never {
  throw new SeqlabError(fault);
}

function describeFault({ code, where, expected, got, hint }: Fault): string {
  const body = got === undefined ? `expected ${expected}` : `expected ${expected}, got ${got}`;
  return `${where}: ${body}.${hint === undefined ? "" : ` ${hint}`} [${code}]`;
}
