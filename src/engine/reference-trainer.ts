import { fail, inputsOf, type Program, sizeOf } from "../tensor/index.ts";
import type { StepResult, TrainedParameter, TrainerDefinition, UpdateRule, Values } from "./engine.ts";
import { ruleProgram, scalarOf, slotShapesOf, Totals, totalsProgram } from "./kernels/rule-program.ts";
import { compileReference, type ReferenceProgram } from "./reference.ts";
import type { Residents } from "./reference-residents.ts";

/** A parameter with its optimizer slots, in place. */
interface Trained extends Omit<TrainedParameter, "rule"> {
  rule: UpdateRule;
  slots: Readonly<Record<string, Float32Array>>;
  update: ReferenceProgram;
  totals: ReferenceProgram;
}

type Scalars = Readonly<Record<string, number>>;
type What = "parameters" | { slot: string };

/** The training step by plain loops: the program in f64, then the update rule as an expression over each parameter. */
export class ReferenceTrainer {
  private readonly definition: TrainerDefinition;
  private readonly residents: Residents;
  private readonly programs: readonly { program: Program; compiled: ReferenceProgram }[];
  private readonly trained: readonly Trained[];

  constructor(definition: TrainerDefinition, residents: Residents) {
    this.definition = definition;
    this.residents = residents;
    this.programs = [definition.program, ...(definition.others ?? [])].map((program) => ({
      program,
      compiled: compileReference(Object.values(program.outputs)),
    }));
    this.trained = definition.parameters.map((parameter) => trainedOf(parameter, definition.rule));
    for (const { name, shape, value } of this.trained) residents.put(name, { data: value, shape, dtype: "f32" });
  }

  /** One update over the mean gradient of the micro-batches; none where loss or gradient is not finite. */
  step(batches: readonly Values[], scalars: Scalars, program = 0): StepResult {
    const { outputs, gradients } = this.gradients(batches, program);
    const gradNorm = Math.sqrt(
      gradients.reduce((sum, g) => g.reduce((squares, value) => squares + value * value, sum), 0),
    );
    const { clipNorm } = this.definition;
    const gradScale = clipNorm === undefined ? 1 : Math.min(1, clipNorm / (gradNorm + 1e-6));
    if (Number.isFinite(gradNorm) && Number.isFinite(outputs["loss"]))
      this.update(gradients, { ...scalars, gradScale });
    return { outputs, gradNorm };
  }

  read(what: What): Record<string, Float32Array> {
    return Object.fromEntries(this.having(what).map((parameter) => [parameter.name, storage(parameter, what).slice()]));
  }

  write(what: What, values: Readonly<Record<string, Float32Array>>): void {
    for (const parameter of this.having(what)) storage(parameter, what).set(values[parameter.name]!);
  }

  dispose(): void {
    this.residents.drop(this.trained.map(({ name }) => name));
  }

  /** The parameters, or those that have a slot. Throws E_SLOT where none has. */
  private having(what: What): readonly Trained[] {
    if (what === "parameters") return this.trained;
    const found = this.trained.filter(({ slots }) => what.slot in slots);
    if (found.length > 0) return found;
    return fail({
      code: "E_SLOT",
      where: "trainer",
      expected: `one of ${this.slotNames().join(", ")}`,
      got: what.slot,
    });
  }

  private slotNames(): string[] {
    return [...new Set(this.trained.flatMap(({ slots }) => Object.keys(slots)))];
  }

  /** Mean of every scalar output and of every gradient (zero where the program has none); buffers take their next value. */
  private gradients(
    batches: readonly Values[],
    program: number,
  ): { outputs: Record<string, number>; gradients: Float64Array[] } {
    const outputs: Record<string, number> = {};
    const sums = new Map(this.trained.map(({ name, value }) => [`grad:${name}`, new Float64Array(value.length)]));
    for (const batch of batches)
      for (const [name, values] of this.run(batch, program)) {
        const sum = sums.get(name);
        if (sum) for (const [i, value] of values.entries()) sum[i]! += value / batches.length;
        else if (name.startsWith("buffer:")) this.keepBuffer(name, values, program);
        else outputs[name] = (outputs[name] ?? 0) + values[0]! / batches.length;
      }
    return { outputs, gradients: [...sums.values()] };
  }

  private run(batch: Values, index: number): [name: string, values: Float64Array][] {
    const { program, compiled } = this.programs[index]!;
    const leaves = [...inputsOf(program)];
    const feeds = leaves.map(([name, leaf]) => [name, this.residents.feed(leaf, name, batch)] as const);
    const values = compiled.run(Object.fromEntries(feeds));
    return Object.keys(program.outputs).map((name, i) => [name, values[i]!]);
  }

  private keepBuffer(output: string, data: Float64Array, program: number): void {
    const { shape, dtype } = this.programs[program]!.program.outputs[output]!;
    this.residents.put(output.slice("buffer:".length), { data, shape, dtype });
  }

  private update(gradients: readonly Float64Array[], scalars: Scalars): void {
    const totals = new Totals<UpdateRule>();
    const feeds = this.trained.map((parameter, i) => feedsOf(parameter, gradients[i]!, scalars));
    for (const [i, { rule, totals: program }] of this.trained.entries()) {
      const shares = program.run(feeds[i]!);
      totals.add(rule, Object.fromEntries((rule.totals?.names ?? []).map((name, j) => [name, shares[j]!])));
    }
    for (const [i, { value, slots, rule, update }] of this.trained.entries()) {
      const [next, ...nextSlots] = update.run({ ...feeds[i]!, ...underScalar(totals.of(rule)) });
      value.set(next!);
      Object.values(slots).forEach((slot, j) => void slot.set(nextSlots[j]!));
    }
  }
}

/** What a parameter's programs read, without totals. */
function feedsOf({ value, slots, rule, scalars: own }: Trained, gradient: Float64Array, scalars: Scalars) {
  const known = { ...scalars, ...own };
  const numbers = Object.fromEntries(rule.scalars.map((name) => [name, scalarOf(name, known)]));
  return { p: value, g: gradient, ...underSlot(slots), ...underScalar(numbers) };
}

function trainedOf({ name, shape, value, scalars, rule: own }: TrainedParameter, common: UpdateRule): Trained {
  const rule = own ?? common;
  const shapes = Object.entries(slotShapesOf(rule, shape));
  const slots = Object.fromEntries(shapes.map(([slot, slotShape]) => [slot, new Float32Array(sizeOf(slotShape))]));
  const update = compileReference(Object.values(ruleProgram(rule, shape).outputs));
  const totals = compileReference(Object.values(totalsProgram(rule, shape).outputs));
  return { name, shape, scalars, rule, value: value.slice(), slots, update, totals };
}

const underSlot = (slots: Trained["slots"]) =>
  Object.fromEntries(Object.entries(slots).map(([name, value]) => [`slot.${name}`, value]));
const underScalar = (numbers: Scalars) =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [`scalar.${name}`, [value]]));

function storage(parameter: Trained, what: What): Float32Array {
  return what === "parameters" ? parameter.value : parameter.slots[what.slot]!;
}
