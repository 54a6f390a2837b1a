/**
 * A transformer that runs SUBLEQ: four layers, gone through once an instruction, whose size depends on the number of address
 * bits and of number bits only (Giannou et al. 2023, arXiv 2301.13196, section 4, which takes nine layers). Tokens are
 * the processor at address 0, memory cells, then instructions.
 */
import { addition, atLeast, carryOver, clear, gated, moves, readAt, writeAt } from "./blocks.ts";
import {
  type Form,
  featureColumns,
  type HandWritten,
  type HandWrittenLayer,
  handWritten,
  type Unit,
} from "./hand-written.ts";
import { type Instruction, type SubleqState, wrapped } from "./subleq.ts";

export interface ComputerSize {
  /** Bits of a number. */
  bits: number;
  /** Bits of an address: tokens are at most 2 to the power of it. */
  addressBits: number;
  /** λ of every attention. */
  sharpness?: number;
  /** Instructions that the model runs in one pass. */
  times?: number;
}

/** Whose features stand where. */
const columnsOf = ({ bits, addressBits: L }: ComputerSize) =>
  featureColumns({
    // Of every token: 1, its address; of the processor alone: 1.
    ...{ constant: 1, own: L, processor: 1 },
    // Of memory cells, and of instructions.
    ...{ data: bits, a: L, b: L, c: L },
    // Of the processor: the counter, what it reads, and what it computes.
    ...{ counter: L, readA: L, readB: L, readC: L, x: bits, y: bits, result: bits, nextCounter: L, branch: 1 },
    // Of a cell that is written to.
    ...{ incoming: bits, written: 1 },
  });
type Columns = ReturnType<typeof columnsOf>;

/** The model that runs any program of this size. */
export function loopedComputer(size: ComputerSize): HandWritten {
  const at = columnsOf(size);
  const { sharpness = 40, times = 1 } = size;
  const layers = [
    fetchInstruction(at, sharpness),
    subtract(at, sharpness),
    store(at, { ...size, sharpness }),
    branch(at),
  ];
  return handWritten(layers, { width: at.width, times });
}

function fetchInstruction(at: Columns, sharpness: number): HandWrittenLayer {
  const reads = (["a", "b", "c"] as const).flatMap((name) =>
    moves(at.all(name), at.all(name === "a" ? "readA" : name === "b" ? "readB" : "readC")),
  );
  const own = { own: at.all("own"), reader: at.at("processor"), sharpness };
  return { heads: [readAt({ ...own, pointer: at.all("counter"), reads }, at.at("constant"))], units: [] };
}

function subtract(at: Columns, sharpness: number): HandWrittenLayer {
  const head = (pointer: "readA" | "readB", to: "x" | "y") =>
    readAt(
      {
        ...{ pointer: at.all(pointer), own: at.all("own"), reader: at.at("processor"), sharpness },
        reads: moves(at.all("data"), at.all(to)),
      },
      at.at("constant"),
    );
  return {
    heads: [head("readA", "x"), head("readB", "y")],
    units: addition({ plus: at.all("y"), minus: at.all("x"), active: at.at("processor"), to: at.all("result") }),
  };
}

function store(at: Columns, { bits, sharpness }: { bits: number; sharpness: number }): HandWrittenLayer {
  const active = at.at("processor");
  const head = writeAt(
    {
      ...{ pointer: at.all("readB"), own: at.all("own"), reader: active, sharpness },
      reads: moves([...at.all("result"), active], [...at.all("incoming"), at.at("written")]),
    },
    at.at("constant"),
  );
  const next = addition({ plus: at.all("counter"), active, to: at.all("nextCounter") });
  return { heads: [head], units: [...replaceData(at), ...decide(at, bits), ...next] };
}

/** In cells: data − written · data + incoming; what came is cleared. */
const replaceData = (at: Columns): Unit[] => [
  ...at.all("data").flatMap((column) => gated([[column, 1]], [[at.at("written"), 1]], [[column, -1]])),
  ...at.all("incoming").flatMap((column, i) => carryOver([[column, 1]], [[at.at("data", i), 1]])),
  ...clear([...at.all("incoming"), at.at("written")]),
];

/** branch = 1 where the result is negative, or has no bit of 1. */
function decide(at: Columns, bits: number): Unit[] {
  const half: Form = [[at.at("processor"), 0.5]];
  const bit = (i: number, weight: number): Form => [
    [at.at("result", i), weight / 2],
    [at.at("processor"), weight / 2],
  ];
  const to: Form = [[at.at("branch"), 1]];
  const none = at.all("result").flatMap((_, i) => bit(i, -1));
  return [...carryOver(bit(bits - 1, 1), to), ...atLeast([...none, ...half, ...half], 1, to)];
}

/** The counter becomes the branch's target or the next instruction's address; all else of the processor is cleared. */
function branch(at: Columns): HandWrittenLayer {
  const gate: Form = [[at.at("branch"), 1]];
  const units = at
    .all("counter")
    .flatMap((column, i) => [
      ...clear([column]),
      ...carryOver([[at.at("nextCounter", i), 1]], [[column, 1]]),
      ...gated([[at.at("nextCounter", i), 1]], gate, [[column, -1]]),
      ...gated([[at.at("readC", i), 1]], gate, [[column, 1]]),
    ]);
  const registers = (["readA", "readB", "readC", "x", "y", "result", "nextCounter", "branch"] as const).flatMap(
    (name) => at.all(name),
  );
  return { heads: [], units: [...units, ...clear(registers)] };
}

/** Bits of ±1, lowest first. */
export const signs = (value: number, bits: number): number[] =>
  Array.from({ length: bits }, (_, i) => (Math.floor(value / 2 ** i) % 2 === 0 ? -1 : 1));

const numberOf = (row: ArrayLike<number>, columns: readonly number[]): number =>
  columns.reduce((sum, column, i) => sum + (row[column]! > 0 ? 2 ** i : 0), 0);

interface Loaded {
  program: readonly Instruction[];
  state: SubleqState;
}

/** A program and its memory as tokens: [tokens · width] features. */
export function loadComputer(
  { program, state }: Loaded,
  size: ComputerSize,
): { features: Float32Array; tokens: number } {
  const at = columnsOf(size);
  const { bits, addressBits: L } = size;
  const first = 1 + state.memory.length;
  const tokens = first + program.length;
  const features = new Float32Array(tokens * at.width);
  const put = (token: number, columns: readonly number[], values: readonly number[]) => {
    for (const [i, column] of columns.entries()) features[token * at.width + column] = values[i]!;
  };
  for (let token = 0; token < tokens; token++)
    put(token, [at.at("constant"), ...at.all("own")], [1, ...signs(token, L)]);
  put(0, [at.at("processor"), ...at.all("counter")], [1, ...signs(first + state.next, L)]);
  for (const [i, value] of state.memory.entries())
    put(1 + i, at.all("data"), signs(value < 0 ? value + 2 ** bits : value, bits));
  for (const [i, { a, b, c }] of program.entries())
    for (const [name, address] of [
      ["a", 1 + a],
      ["b", 1 + b],
      ["c", first + c],
    ] as const)
      put(first + i, at.all(name), signs(address, L));
  return { features, tokens };
}

/** What the tokens say of memory and of the next instruction. */
export function readComputer(features: ArrayLike<number>, cells: number, size: ComputerSize): SubleqState {
  const at = columnsOf(size);
  const row = (token: number) => Array.from({ length: at.width }, (_, i) => features[token * at.width + i]!);
  const memory = Array.from({ length: cells }, (_, i) => wrapped(numberOf(row(1 + i), at.all("data")), size.bits));
  return { memory, next: numberOf(row(0), at.all("counter")) - 1 - cells };
}
