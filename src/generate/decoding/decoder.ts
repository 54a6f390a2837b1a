import type { Append, Engine, RunOptions } from "../../engine/index.ts";
import type { Model } from "../../model/index.ts";
import { fail, sizeOf } from "../../tensor/index.ts";
import { ProgramCache } from "../program-cache.ts";
import { assertDecodes, assertFits } from "./assertions.ts";
import { bucketFor, type Piece, piecesOf } from "./pieces.ts";
import {
  type Decoded,
  growProgram,
  type Held,
  prefillProgram,
  reorderProgram,
  stateOutput,
  stepProgram,
} from "./programs.ts";
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

/** The sources of a batch. */
interface Source {
  slots: number;
  ids: Int32Array;
  lengths: Int32Array;
}

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
  /** What the encoder reads, right-padded to `slots` tokens a sequence; no slots where the model has no encoder. */
  private source: Source = { slots: 0, ids: new Int32Array(), lengths: new Int32Array() };

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

  /** Starts anew with these prompts (at least one token each) and sources, where the model reads them; the scores of what follows. */
  async prefill(
    prompts: readonly Int32Array[],
    { signal, sources }: { signal?: AbortSignal | undefined; sources?: readonly Int32Array[] | undefined } = {},
  ): Promise<NextLogits> {
    this.lengths = new Int32Array(this.batch);
    this.source = this.sourceOf(sources);
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
    const program = await this.programs.get(`step ${this.held}`, () => stepProgram(this.decoded, this.room));
    const { logits } = await program.run(
      { ids, length: this.lengths, ...this.sourceFeeds() },
      this.storing({ append: ({ kind }) => kind === "growing", only: ({ kind }) => kind !== "memory" }),
    );
    this.lengths = this.lengths.map((length) => length + 1);
    return this.rows(logits as Float32Array);
  }

  /** Sequence b goes on as sequence `rows`[b] of now (beam search). */
  async reorder(rows: Int32Array): Promise<void> {
    const program = await this.programs.get(`reorder ${this.held}`, () => reorderProgram(this.decoded, this.room));
    await program.run({ rows }, this.storing());
    this.lengths = rows.map((row) => this.lengths[row]!);
    this.source.lengths = rows.map((row) => this.source.lengths[row]!);
  }

  /**
   * Pretends that `tokens` tokens were read, of a source as long where there is one: states at their start, buffers with room
   * for them, filled with zeros.
   */
  async skipTo(tokens: number): Promise<void> {
    if (this.decoded.model.readsSource)
      this.source = { slots: tokens, ids: new Int32Array(), lengths: new Int32Array(this.batch).fill(tokens) };
    const first = this.unbounded ? capacityFor(1) : 0;
    for (const field of this.decoded.fields) {
      const shape = residentShape(field, { batch: this.batch, capacity: first, source: this.source.slots });
      const data = new Float32Array(sizeOf(shape)).fill(field.kind === "finite" ? field.start : 0);
      await this.engine.put(field.resident, { data, shape, dtype: "f32" });
    }
    this.capacity = first;
    await this.reserve(tokens);
    this.lengths.fill(tokens);
  }

  bytes(): StateBytes {
    const { model, fields, batch } = this.decoded;
    const used = this.lengths.reduce((sum, length, b) => sum + usedBytes(model, length, this.source.lengths[b]), 0);
    return { used, allocated: allocatedBytes(fields, { batch, ...this.room }) };
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
    const { slots } = this.source;
    const key = `prefill ${T} ${padded} ${behind ? from : "start"} ${slots}`;
    const program = await this.programs.get(key, () =>
      prefillProgram(this.decoded, { length: T, padded, behind: behind ? from : undefined, capacity, source: slots }),
    );
    const feeds = {
      ids,
      ...(padded && { count: counts }),
      ...(behind && { length: this.lengths }),
      ...this.sourceFeeds({ start: !behind }),
    };
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

  private get room(): Held {
    return { capacity: this.capacity, source: this.source.slots };
  }

  /** What programs are told apart by. */
  private get held(): string {
    return `${this.capacity} ${this.source.slots}`;
  }

  private sourceFeeds({ start = false } = {}): Record<string, Int32Array> {
    const { slots, ids, lengths } = this.source;
    return slots === 0 ? {} : { "source.length": lengths, ...(start && { source: ids }) };
  }

  private sourceOf(sources: readonly Int32Array[] | undefined): Source {
    const wanted = this.decoded.model.readsSource ? this.batch : 0;
    const given = sources ?? [];
    if (given.length !== wanted || given.some((one) => one.length === 0))
      fail({
        code: "E_SOURCE",
        where: "sources",
        expected: wanted === 0 ? "none: the model has no encoder" : `${wanted} of at least one token`,
        got: `lengths ${given.map((one) => one.length).join(", ") || "none"}`,
      });
    if (wanted === 0) return { slots: 0, ids: new Int32Array(), lengths: new Int32Array() };
    const slots = bucketFor(Math.max(...given.map((one) => one.length)));
    const ids = new Int32Array(wanted * slots);
    given.forEach((one, row) => void ids.set(one, row * slots));
    return { slots, ids, lengths: Int32Array.from(given, (one) => one.length) };
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
