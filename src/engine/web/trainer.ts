import type { Tensor as OrtTensor } from "onnxruntime-web";
import { fail, sizeOf } from "../../tensor/index.ts";
import type { StepResult, TrainerDefinition, Values } from "../engine.ts";
import { scalarOf } from "../kernels/rule-program.ts";
import type { WebResidents } from "./residents.ts";
import type { Place } from "./runtime.ts";
import { createSession, type WebSession } from "./session.ts";
import { accumulateProgram, nameOf, slotsOf, stepProgram, updateProgram } from "./training-programs.ts";
import { dataOf, release, toOrt } from "./values.ts";

type What = "parameters" | { slot: string };
type Scalars = Readonly<Record<string, number>>;
type Values32 = Readonly<Record<string, Float32Array>>;
type Tensors = ReadonlyMap<string, OrtTensor>;

/** What a run gave: next values by the name of what they replace, and the program's numbers. */
interface Outcome {
  next: Map<string, OrtTensor>;
  numbers: Record<string, number>;
}

const programs = { step: stepProgram, accumulate: accumulateProgram, update: updateProgram } as const;
type Part = keyof typeof programs;

const prefixes = { next: nameOf.next(""), scalar: nameOf.scalar(""), buffer: "buffer:" } as const;
/** Outputs that the next run reads. */
const stays = (output: string) => output.startsWith(prefixes.next) || output.startsWith(prefixes.buffer);
const f32 = (shape: readonly number[]) => ({ shape, dtype: "f32" as const });

/**
 * Forward, backward and update as one graph whose results are fed to the next step, on the GPU without leaving it.
 * Parameters are residents under their names. Micro-batches run a graph that sums gradients, and then the update.
 */
export class WebTrainer {
  private readonly place: Place;
  private readonly residents: WebResidents;
  private readonly definition: TrainerDefinition;
  private readonly slots = new Map<string, OrtTensor>();
  private readonly sessions = new Map<string, WebSession>();

  constructor(place: Place, residents: WebResidents, definition: TrainerDefinition) {
    this.place = place;
    this.residents = residents;
    this.definition = definition;
    for (const parameter of definition.parameters) {
      residents.put(parameter.name, { data: parameter.value, ...f32(parameter.shape) });
      for (const [name, shape] of slotsOf(parameter, definition))
        this.slots.set(name, toOrt(place.ort, new Float32Array(sizeOf(shape)), f32(shape)));
    }
  }

  /** Compiles the graph of a part from one of the definition's programs, once. */
  async session(part: Part, index = 0): Promise<WebSession> {
    const { program, others = [] } = this.definition;
    const key = part === "update" ? part : `${part} ${index}`;
    const traced = () => programs[part]({ ...this.definition, program: [program, ...others][index]! });
    const session = this.sessions.get(key) ?? (await createSession(this.place, traced(), stays));
    this.sessions.set(key, session);
    return session;
  }

  /** One update over the mean gradient of the micro-batches; none where loss or gradient is not finite. */
  async step(batches: readonly Values[], scalars: Scalars, index = 0): Promise<StepResult> {
    const [only] = batches;
    const { next, numbers } =
      batches.length === 1
        ? await this.run("step", { index, batch: only!, scalars })
        : await this.accumulated(batches, { index, scalars });
    const { gradNorm, ...outputs } = numbers as { gradNorm: number };
    if (Number.isFinite(gradNorm) && Number.isFinite(numbers["loss"])) this.adopt(next);
    else release(next.values());
    return { outputs, gradNorm };
  }

  async read(what: What): Promise<Record<string, Float32Array>> {
    const values: Record<string, Float32Array> = {};
    for (const { name } of this.having(what))
      values[name] =
        what === "parameters"
          ? ((await this.residents.read(name)) as Float32Array)
          : ((await dataOf(this.slots.get(nameOf.slot(what.slot, name))!)) as Float32Array).slice();
    return values;
  }

  write(what: What, values: Values32): void {
    const next = this.having(what).map(({ name, shape }) => {
      const state = what === "parameters" ? name : nameOf.slot(what.slot, name);
      const dims = this.slots.get(state)?.dims ?? shape;
      return [state, toOrt(this.place.ort, values[name]!, f32(dims))] as const;
    });
    this.adopt(new Map(next));
  }

  async dispose(): Promise<void> {
    this.residents.drop(this.definition.parameters.map(({ name }) => name));
    release(this.slots.values());
    this.slots.clear();
    for (const session of this.sessions.values()) await session.release("end");
    this.sessions.clear();
  }

  /** The parameters, or those that have a slot. Throws E_SLOT where none has. */
  private having(what: What): TrainerDefinition["parameters"] {
    const { parameters } = this.definition;
    if (what === "parameters") return parameters;
    const found = parameters.filter(({ name }) => this.slots.has(nameOf.slot(what.slot, name)));
    if (found.length > 0) return found;
    const slots = new Set([this.definition, ...parameters].flatMap(({ rule }) => rule?.slots ?? []));
    return fail({ code: "E_SLOT", where: "trainer", expected: `one of ${[...slots].join(", ")}`, got: what.slot });
  }

  /** Gradients summed over the micro-batches, each divided by their count, and the update from the sum. */
  private async accumulated(
    batches: readonly Values[],
    { index, scalars }: { index: number; scalars: Scalars },
  ): Promise<Outcome> {
    const share = toOrt(this.place.ort, [1 / batches.length], f32([]));
    const means: Record<string, number> = {};
    let sums: Tensors = this.zeroSums();
    for (const batch of batches) {
      const given = new Map([...sums, ["share", share]]);
      const { next, numbers } = await this.run("accumulate", { index, batch, scalars, given });
      release(sums.values());
      sums = next;
      for (const [name, value] of Object.entries(numbers)) means[name] = (means[name] ?? 0) + value / batches.length;
    }
    const { next, numbers } = await this.run("update", { index, batch: {}, scalars, given: sums });
    release(sums.values());
    return { next, numbers: { ...means, ...numbers } };
  }

  private zeroSums(): Tensors {
    return new Map(
      this.definition.parameters.map(({ name, shape }) => [
        nameOf.sum(name),
        toOrt(this.place.ort, new Float32Array(sizeOf(shape)), f32(shape)),
      ]),
    );
  }

  private async run(
    part: Part,
    { index, batch, scalars, given }: { index: number; batch: Values; scalars: Scalars; given?: Tensors },
  ): Promise<Outcome> {
    const session = await this.session(part, index);
    const feeds: Record<string, OrtTensor> = {};
    for (const [name, leaf] of session.inputs)
      feeds[name] =
        given?.get(name) ??
        this.slots.get(name) ??
        this.number(name, scalars) ??
        this.residents.feed(name, leaf, batch);
    return this.outcomeOf(await session.run(feeds));
  }

  /** The feed of a number given to `step`, where the input is one. Throws E_SCALAR where it is not given. */
  private number(name: string, scalars: Scalars): OrtTensor | undefined {
    if (!name.startsWith(prefixes.scalar)) return undefined;
    return toOrt(this.place.ort, [scalarOf(name.slice(prefixes.scalar.length), scalars)], f32([]));
  }

  /** Sorts what a run returned; buffers take their next value at once, as in every engine. */
  private async outcomeOf(results: Tensors): Promise<Outcome> {
    const outcome: Outcome = { next: new Map(), numbers: {} };
    for (const [name, value] of results)
      if (name.startsWith(prefixes.next)) outcome.next.set(name.slice(prefixes.next.length), value);
      else if (name.startsWith(prefixes.buffer)) this.residents.replace(name.slice(prefixes.buffer.length), value);
      else outcome.numbers[name] = Number((await dataOf(value))[0]);
    return outcome;
  }

  /** Puts next values in the place of parameters and slots. */
  private adopt(next: Tensors): void {
    const before: OrtTensor[] = [];
    for (const [name, value] of next) {
      const slot = this.slots.get(name);
      if (slot === undefined) this.residents.replace(name, value);
      else {
        before.push(slot);
        this.slots.set(name, value);
      }
    }
    release(before, this.slots.values());
  }
}
