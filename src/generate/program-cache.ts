import type { Engine, Executable } from "../engine/index.ts";
import type { Program } from "../tensor/index.ts";

/** Compiled programs by key; the one not used for longest is disposed of when there are more than `capacity`. */
export class ProgramCache {
  private readonly engine: Engine;
  private readonly capacity: number;
  private readonly held = new Map<string, Executable>();

  constructor(engine: Engine, capacity: number) {
    this.engine = engine;
    this.capacity = capacity;
  }

  /** The program of this key, traced and compiled if it is not held. */
  async get(key: string, trace: () => Program): Promise<Executable> {
    const program = this.held.get(key) ?? (await this.engine.compile(trace()));
    this.held.delete(key);
    this.held.set(key, program);
    await this.shrink(this.capacity);
    return program;
  }

  /** Compiles, runs and disposes of a program that is needed once. */
  async once(program: Program, run: (executable: Executable) => Promise<unknown>): Promise<void> {
    const executable = await this.engine.compile(program);
    try {
      await run(executable);
    } finally {
      await executable.dispose();
    }
  }

  async dispose(): Promise<void> {
    await this.shrink(0);
  }

  /** A map keeps the order of insertion, and every use inserts anew. */
  private async shrink(most: number): Promise<void> {
    for (const [key, program] of this.held) {
      if (this.held.size <= most) return;
      this.held.delete(key);
      await program.dispose();
    }
  }
}
