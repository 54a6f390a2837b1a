import { expect, test } from "vitest";
import { stack, type Tensor } from "../tensor/index.ts";
import {
  type Arrays,
  evaluate,
  expectNativeAgrees,
  expectSameFunction,
  randomNormal,
  randomUniform,
  type Subject,
} from "../testing/index.ts";
import { type DecayAverage, decayAverages, emptyLogWeight } from "./decay-average.ts";

const [B, C] = [2, 3];

const inputs = (time: number, state: boolean): Arrays => ({
  average: randomNormal("values", [time, B, C]),
  logWeight: randomNormal("weights", [time, B, C]),
  logDecay: randomUniform("decays", [time, 1, C], [-1.5, 0]),
  ...(state && { startAverage: randomNormal("state", [B, C]), startWeight: randomNormal("state weight", [B, C]) }),
});

type At = Readonly<Record<string, Tensor>>;
type Form = (values: DecayAverage, logDecay: Tensor, start: DecayAverage | undefined) => At;

const averaged = (time: number, state: boolean, form: Form, scale = 1): Subject => ({
  inputs: inputs(time, state),
  build: ({ average, logWeight, logDecay, startAverage, startWeight }) =>
    form(
      { average: average!, logWeight: logWeight!.mul(scale) },
      logDecay!,
      startAverage && startWeight && { average: startAverage, logWeight: startWeight },
    ),
});

const scanned: Form = (values, logDecay, start) => {
  const { before, end } = decayAverages({ values, logDecay, start });
  // What stands before the first time of a fresh sequence is an average over nothing.
  const from = start ? 0 : 1;
  return { average: before.average.slice(0, from), logWeight: before.logWeight.slice(0, from), ...renamed(end) };
};
const renamed = ({ average, logWeight }: DecayAverage): At => ({ lastAverage: average, lastWeight: logWeight });

/** Both sums apart, without stabilisation. */
const summed: Form = (values, logDecay, start) => {
  let weight = start?.logWeight.exp();
  let total = weight?.mul(start!.average);
  const before: DecayAverage[] = [];
  const now = (): DecayAverage => ({ average: total!.div(weight!), logWeight: weight!.log() });
  for (let t = 0; t < values.average.dim(0); t++) {
    if (weight) before.push(now());
    const [added, decay] = [values.logWeight.at(0, t).exp(), logDecay.at(0, t).exp()];
    const addedValue = added.mul(values.average.at(0, t));
    weight = weight ? weight.mul(decay).add(added) : added;
    total = total ? total.mul(decay).add(addedValue) : addedValue;
  }
  const stacked = (field: keyof DecayAverage) =>
    stack(
      0,
      before.map((entry) => entry[field]),
    );
  return { average: stacked("average"), logWeight: stacked("logWeight"), ...renamed(now()) };
};

for (const state of [false, true])
  test.each([7, 37])(`%i times equal the sums in values and gradients, state: ${state}`, (time) =>
    expectSameFunction(averaged(time, state, scanned), averaged(time, state, summed)),
  );

test("the native engine agrees", () => expectNativeAgrees(averaged(37, true, scanned)));

test("weights far beyond f32's range give finite values and gradients", async () => {
  const strong = averaged(37, true, scanned, 300);
  const { outputs, gradients } = evaluate(strong);
  for (const [name, { data }] of Object.entries({ ...outputs, ...gradients }))
    expect(data.every(Number.isFinite), name).toBe(true);
  await expectNativeAgrees(strong);
});

test("an average over nothing leaves the other as it is", () => {
  const { outputs } = evaluate({
    inputs: inputs(1, true),
    build: ({ average, logWeight, startAverage, startWeight }) => {
      const { end } = decayAverages({
        values: { average: average!, logWeight: logWeight!.mul(0).add(emptyLogWeight) },
        logDecay: logWeight!.mul(0),
        start: { average: startAverage!, logWeight: startWeight! },
      });
      return { average: end.average.sub(startAverage!), logWeight: end.logWeight.sub(startWeight!) };
    },
  });
  for (const { data } of Object.values(outputs)) expect(data.every((value) => value === 0)).toBe(true);
});
