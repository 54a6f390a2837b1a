import { fail } from "../../tensor/index.ts";
import { scalarOf } from "../kernels/rule-program.ts";
import { normModule } from "../kernels/sum-squares.ts";
import type { UpdateKernel } from "../kernels/update.ts";
import { type ArenaParameter, type Group, type Layout, layOut } from "./arena-layout.ts";

const page = 65536;
const largestBytes = 2 ** 32 - page;

/** A part of the arena: the parameters, their gradients, or one optimizer slot. */
export type Region = "parameters" | "gradients" | { slot: string };

type Update = (bytes: number, ...addressesAndScalars: number[]) => void;

/**
 * Parameters, gradients and optimizer slots of a model in one WebAssembly memory. Sessions read and write views of it;
 * kernels update it in place.
 */
export class Arena {
  readonly groups: readonly Group[];
  private readonly layout: Layout;
  private readonly memory: WebAssembly.Memory;
  private readonly sumSquares: (address: number, bytes: number) => number;
  /** Kernels of elementwise rules by the rule's place. */
  private readonly kernels: ReadonlyMap<number, UpdateKernel & { update: Update }>;

  constructor(parameters: readonly ArenaParameter[], kernels: ReadonlyMap<number, UpdateKernel>) {
    this.layout = layOut(parameters);
    this.groups = this.layout.groups;
    this.memory = allocate(this.layout.floats * 4);
    this.sumSquares = this.link(normModule())["sumSquares"] as Arena["sumSquares"];
    this.kernels = new Map(
      [...kernels].map(([rule, kernel]) => [rule, { ...kernel, update: this.link(kernel.module)["update"] as Update }]),
    );
    for (const { name, value } of parameters) this.view(name, "parameters").set(value);
  }

  /** Global L2 norm of the gradients. */
  gradNorm(): number {
    const bytes = this.layout.region * 4;
    return Math.sqrt(this.sumSquares(bytes, bytes));
  }

  /** Applies the elementwise rules in place; `scalars` are joined by those of each group. */
  update(scalars: Readonly<Record<string, number>>): void {
    const calls = this.groups.flatMap((group) => {
      const kernel = this.kernels.get(group.rule);
      return kernel ? [{ kernel, arguments: this.argumentsOf(group, kernel, scalars) }] : [];
    });
    for (const {
      kernel,
      arguments: [bytes, ...others],
    } of calls)
      kernel.update(bytes!, ...others);
  }

  /** One tensor's floats in a region. Throws E_SLOT where the parameter has no such slot. */
  view(name: string, region: Region): Float32Array {
    const { start, length } = this.layout.place(name, typeof region === "string" ? undefined : region.slot);
    const offset = region === "gradients" ? this.layout.region : 0;
    return new Float32Array(this.memory.buffer, (offset + start) * 4, length);
  }

  /** Names of the parameters that a region has floats of. Throws E_SLOT where there are none. */
  names(region: Region = "parameters"): string[] {
    const all = this.groups.flatMap(({ members }) => members);
    const found = all.filter(({ name }) => typeof region === "string" || this.layout.has(name, region.slot));
    if (found.length > 0 || typeof region === "string") return found.map(({ name }) => name);
    const slots = new Set(all.flatMap(({ slots }) => Object.keys(slots)));
    return fail({ code: "E_SLOT", where: "trainer", expected: `one of ${[...slots].join(", ")}`, got: region.slot });
  }

  private argumentsOf(
    { members, start, length, scalars: own }: Group,
    { slots, scalars: names }: UpdateKernel,
    scalars: Readonly<Record<string, number>>,
  ): number[] {
    const first = members[0]!.name;
    const starts = [start, this.layout.region + start, ...slots.map((slot) => this.layout.place(first, slot).start)];
    return [
      length * 4,
      ...starts.map((float) => float * 4),
      ...names.map((name) => scalarOf(name, { ...scalars, ...own })),
    ];
  }

  private link(module: Uint8Array<ArrayBuffer>): WebAssembly.Exports {
    return new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory: this.memory } }).exports;
  }
}

function allocate(bytes: number): WebAssembly.Memory {
  if (bytes > largestBytes)
    fail({
      code: "E_MEMORY",
      where: "trainer",
      expected: "parameters, gradients and optimizer state within 4 GiB",
      got: `${(bytes / 2 ** 30).toFixed(1)} GiB`,
      hint: "Use a smaller model or an optimizer with less state.",
    });
  const pages = Math.ceil(bytes / page);
  return new WebAssembly.Memory({ initial: pages, maximum: pages });
}
