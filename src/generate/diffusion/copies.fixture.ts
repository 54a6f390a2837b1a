/** Texts whose halves tell one another, and small models trained on them: a random word of four of sixteen ids, three times. */
import type { Batches } from "../../data/index.ts";
import { createNodeEngine, type Engine } from "../../engine/index.ts";
import { createRng, type Rng } from "../../ops/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec, type SpecInput } from "../../spec/index.ts";
import { createTraining, trainingSchema } from "../../train/index.ts";

/** How many ids words are made of, and the id behind them: it stands in front of a text, which next-token models need to begin. */
export const [symbols, begin] = [16, 16] as const;
export const wordLength = 4;
export const textLength = 3 * wordLength;

/** The text of a number, never one of training's. */
export const heldText = (index: number): Int32Array => textOf(createRng(1000).fork(index));

function textOf(rng: Rng): Int32Array {
  const word = Int32Array.from({ length: wordLength }, () => rng.below(symbols));
  return Int32Array.from({ length: textLength }, (_, i) => word[i % wordLength]!);
}

type Kind = "next-token" | "masked-diffusion" | "d3pm";

interface Setup {
  objective: SpecInput["objective"];
  layers: number;
  steps: number;
}

const [block, batch] = [textLength, 64];
const setups: Readonly<Record<Kind, Setup>> = {
  "next-token": { objective: { kind: "next-token" }, layers: 1, steps: 300 },
  "masked-diffusion": {
    objective: { kind: "masked-diffusion", block, steps: block, antithetic: true },
    layers: 1,
    steps: 400,
  },
  d3pm: { objective: { kind: "d3pm", transition: "uniform", times: 32, block }, layers: 2, steps: 400 },
};

/** An engine of its own in which the trained parameters are resident. */
export async function trainedOnCopies(kind: Kind): Promise<{ engine: Engine; built: BuiltModel }> {
  const { objective, layers, steps } = setups[kind];
  const ahead = kind === "next-token";
  const positions = { kind: "t5-bias" as const, ...(!ahead && { sides: "both" as const }) };
  const mixer = { kind: "attention" as const, heads: 4, causal: ahead, positions };
  const spec: SpecInput = {
    ...{ name: "copies", width: 32, embedding: { kind: "token", std: 0.5 }, head: { kind: "lm", tied: false } },
    layers: [{ repeat: layers, mixer, channel: { kind: "swiglu" } }],
    ...(objective && { objective }),
  };
  const built = buildSpec(canonicalSpec(spec), { tokens: ahead ? symbols + 1 : symbols });
  const engine = createNodeEngine({ threads: 1 });
  const config = trainingSchema.parse({
    ...{ steps, batch, length: textLength, optimizer: { learningRate: 0.01 }, schedule: { kind: "cosine" } },
  });
  const training = await createTraining(engine, built, { batches: copies(ahead), config });
  await training.advanceBy(steps);
  return { engine, built };
}

/** Endless texts; with `ahead` each token is to be told from those before it. */
function copies(ahead: boolean): Batches {
  return {
    shapes: [{ batch, length: textLength }],
    position: (step) => ({ step }),
    resume: () => 0,
    batch(step) {
      const rng = createRng(1).fork(step);
      const [inputs, targets] = [new Int32Array(batch * textLength), new Int32Array(batch * textLength)];
      for (let row = 0; row < batch; row++) {
        const text = textOf(rng);
        targets.set(text, row * textLength);
        inputs.set(ahead ? [begin, ...text.subarray(0, -1)] : text, row * textLength);
      }
      return { arrays: { inputs, targets }, shape: 0, epoch: 0 };
    },
  };
}
