import type { Append, Engine, RunOptions } from "../../engine/index.ts";
import type { Model } from "../../model/index.ts";
import { fail, sizeOf } from "../../tensor/index.ts";
import { ProgramCache } from "../program-cache.ts";
import { assertDecodes, assertFits } from "./assertions.ts";
import { type Piece, piecesOf } from "./pieces.ts";
import { type Decoded, growProgram, prefillProgram, reorderProgram, stateOutput, stepProgram } from "./programs.ts";
import {
  allocatedBytes,
  capacityFor,
  isUnbounded,
  residentShape,
  type StateField,
  stateFields,
  usedBytes,
} from "./state-fields.ts";

export interface DecoderOptions {
  /** Sequences decoded together. */
  batch?: number;
  /** Begins the names of this decoder's values in the engine; must be its own. */
  prefix: string;
  /** Most compiled programs held at a time. */
  programs?: number;
}

/** Scores of the next token of each sequence, [B][C]. */
export type NextLogits = readonly (Float32Array | Float64Array)[];

/** Bytes of a decoder's state over all its sequences. */
export interface StateBytes {
  /** What the declared states hold at the present lengths. */
  used: number;
  /** What the buffers in the engine take. */
  allocated: number;
}

/**
 * A batch of sequences being decoded token by token. Parameters are resident in the engine; so are the states: finite ones
 * are replaced by every run, growing ones live in buffers of power-of-two capacity (or of the window's size) that are written
 * in place. Calls must not overlap.
 */
export class Decoder {
  readonly batch: number;
  private readonly decoded: Decoded;
  private readonly engine: Engine;
  private readonly programs: ProgramCache;
  private readonly unbounded: boolean;
  /** Tokens read of each sequence. */
  private lengths: Int32Array;
  /** Entries that unbounded buffers have room for; 0 where there are none. */
  private capacity = 0;

  constructor(engine: Engine, model: Model, { batch = 1, prefix, programs = 16 }: DecoderOptions) {
    assertDecodes(model);
    this.batch = batch;
    this.engine = engine;
    this.decoded = { model, fields: stateFields(model, prefix), batch };
    this.programs = new ProgramCache(engine, programs);
    this.unbounded = this.decoded.fields.some(isUnbounded);
    this.lengths = new Int32Array(batch);
  }

  /** Tokens of the longest sequence. */
  get length(): number {
    return Math.max(...this.lengths);
  }

  /** Names of the state's values in the engine. */
  get residents(): string[] {
    return this.decoded.fields.map(({ resident }) => resident);
  }

  /** Starts anew with these prompts (at least one token each); the scores of what follows them. */
  async prefill(
    prompts: readonly Int32Array[],
    { signal }: { signal?: AbortSignal | undefined } = {},
  ): Promise<NextLogits> {
    this.lengths = new Int32Array(this.batch);
    return this.extend(prompts, { signal });
  }

  /** Reads on behind what was read. */
  async extend(
    prompts: readonly Int32Array[],
    { signal }: { signal?: AbortSignal | undefined } = {},
  ): Promise<NextLogits> {
    this.assertPrompts(prompts);
    let logits: NextLogits = [];
    for (const piece of piecesOf(prompts, this.decoded.model.limit)) {
      signal?.throwIfAborted();
      const rows = await this.read(piece);
      logits = rows.map((row, b) => (piece.counts[b] === 0 ? logits[b]! : row));
    }
    return logits;
  }

  /** Reads one token of each sequence; the scores of the next. */
  async step(ids: Int32Array): Promise<NextLogits> {
    assertFits(this.decoded.model, this.length + 1);
    await this.reserve(this.length + 1);
    const program = await this.programs.get(`step ${this.capacity}`, () => stepProgram(this.decoded, this.capacity));
    const { logits } = await program.run(
      { ids, length: this.lengths },
      this.storing({ append: ({ kind }) => kind === "growing" }),
    );
    this.lengths = this.lengths.map((length) => length + 1);
    return this.rows(logits as Float32Array);
  }

  /** Sequence b goes on as sequence `rows`[b] of now (beam search). */
  async reorder(rows: Int32Array): Promise<void> {
    const program = await this.programs.get(`reorder ${this.capacity}`, () =>
      reorderProgram(this.decoded, this.capacity),
    );
    await program.run({ rows }, this.storing());
    this.lengths = rows.map((row) => this.lengths[row]!);
  }

  /** Pretends that `tokens` tokens were read: states at their start, buffers with room for them, filled with zeros. */
  async skipTo(tokens: number): Promise<void> {
    const first = this.unbounded ? capacityFor(1) : 0;
    for (const field of this.decoded.fields) {
      const shape = residentShape(field, { batch: this.batch, capacity: first });
      const data = new Float32Array(sizeOf(shape)).fill(field.kind === "finite" ? field.start : 0);
      await this.engine.put(field.resident, { data, shape, dtype: "f32" });
    }
    this.capacity = first;
    await this.reserve(tokens);
    this.lengths.fill(tokens);
  }

  bytes(): StateBytes {
    const { model, fields, batch } = this.decoded;
    const used = this.lengths.reduce((sum, length) => sum + usedBytes(model, length), 0);
    return { used, allocated: allocatedBytes(fields, { batch, capacity: this.capacity }) };
  }

  /** Drops programs and states; the parameters stay. */
  async dispose(): Promise<void> {
    await this.programs.dispose();
    await this.engine.drop(this.residents);
  }

  private async read({ ids, counts, length: T }: Piece): Promise<NextLogits> {
    const behind = this.length > 0;
    if (behind) await this.reserve(this.length + T);
    const from = this.capacity;
    const capacity = this.unbounded ? (behind ? from : capacityFor(T)) : 0;
    const padded = counts.some((count) => count < T);
    const key = `prefill ${T} ${padded} ${behind ? from : "start"}`;
    const program = await this.programs.get(key, () =>
      prefillProgram(this.decoded, { length: T, padded, behind: behind ? from : undefined, capacity }),
    );
    const feeds = { ids, ...(padded && { count: counts }), ...(behind && { length: this.lengths }) };
    const { logits } = await program.run(feeds, this.storing({ append: (field) => behind && isUnbounded(field) }));
    this.capacity = capacity;
    this.lengths = this.lengths.map((length, row) => length + counts[row]!);
    return this.rows(logits as Float32Array);
  }

  /** Makes room in unbounded buffers. */
  private async reserve(tokens: number): Promise<void> {
    if (!this.unbounded || tokens <= this.capacity) return;
    const to = capacityFor(tokens);
    const grown = this.storing({ only: isUnbounded });
    await this.programs.once(growProgram(this.decoded, { from: this.capacity, to }), (program) =>
      program.run({}, grown),
    );
    this.capacity = to;
  }

  /** Where a run's states go: the chosen fields behind the entries of their buffers, the others in place of the old value. */
  private storing({
    append = () => false,
    only = () => true,
  }: {
    append?: (field: StateField) => boolean;
    only?: (field: StateField) => boolean;
  } = {}): RunOptions {
    const fields = this.decoded.fields.filter(only);
    const positions = Array.from(this.lengths);
    const appended = fields
      .filter(append)
      .map((field): [string, Append] => [
        stateOutput(field.path),
        { resident: field.resident, axis: field.kind === "growing" ? field.axis : 0, positions },
      ]);
    const kept = fields.filter((field) => !append(field)).map(({ path, resident }) => [stateOutput(path), resident]);
    return { append: Object.fromEntries(appended), keep: Object.fromEntries(kept) };
  }

  private rows(logits: Float32Array): NextLogits {
    const size = logits.length / this.batch;
    return Array.from({ length: this.batch }, (_, row) => logits.subarray(row * size, (row + 1) * size));
  }

  private assertPrompts(prompts: readonly Int32Array[]): void {
    if (prompts.length !== this.batch || prompts.some((prompt) => prompt.length === 0))
      fail({
        code: "E_PROMPT",
        where: "prompts",
        expected: `${this.batch} of at least one token`,
        got: `lengths ${prompts.map((prompt) => prompt.length).join(", ")}`,
      });
    assertFits(this.decoded.model, this.length + Math.max(...prompts.map((prompt) => prompt.length)));
  }
}
