import { z } from "zod";
import { fail } from "../../tensor/index.ts";

const factor = z.number().positive().default(1).describe("context stretch: new length / trained length");
const trained = z.int().positive().default(2048).describe("context length of the original training, in tokens");

/** How frequencies are changed so that a model reads contexts longer than those it was trained on. */
export const scalingConfig = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("none") }).describe("as trained"),
    z
      .strictObject({ kind: z.literal("linear"), factor })
      .describe("every frequency divided by the factor (Chen et al. 2023)"),
    z
      .strictObject({ kind: z.literal("ntk"), factor })
      .describe("base raised so that only the lowest frequency is divided by the factor"),
    z
      .strictObject({
        kind: z.literal("llama3"),
        factor,
        trained,
        low: z.number().positive().default(1).describe("wavelengths above trained / low are stretched in full"),
        high: z.number().positive().default(4).describe("wavelengths below trained / high are kept"),
      })
      .describe("Llama 3.1: stretches long wavelengths, keeps short ones, blends between"),
    z
      .strictObject({
        kind: z.literal("yarn"),
        factor,
        trained,
        fast: z
          .number()
          .positive()
          .default(32)
          .describe("features with more turns than this over the trained length are kept"),
        slow: z.number().positive().default(1).describe("features with fewer turns than this are stretched in full"),
        truncate: z.boolean().default(true).describe("round the borders of the blend outwards to whole features"),
        amplitude: z.number().positive().optional().describe("factor on rotated features (default 0.1 ln(factor) + 1)"),
      })
      .describe("YaRN (Peng et al. 2023): stretches by turns over the trained length, and sharpens attention"),
    z
      .strictObject({
        kind: z.literal("dynamic"),
        factor,
        trained,
        length: z.int().positive().default(4096).describe("tokens of the context that is to be read"),
      })
      .describe(
        "ntk, stretched as far as the context's length asks; the length is fixed, else later tokens would move earlier ones",
      ),
    z
      .strictObject({
        kind: z.literal("longrope"),
        factor,
        trained,
        divisors: z.array(z.number().positive()).describe("of each frequency, the highest one first"),
      })
      .describe(
        "LongRoPE (Ding et al. 2024): searched divisors, those for short or for long contexts; sharpens attention",
      ),
  ])
  .prefault({ kind: "none" })
  .describe("change of the frequencies for longer contexts");

export type RopeScaling = z.output<typeof scalingConfig>;
type Of<K extends RopeScaling["kind"]> = Extract<RopeScaling, { kind: K }>;

/** The unscaled frequencies θ_i = base^(−i/pairs) are known by base and number of pairs. */
export interface Rotation {
  base: number;
  pairs: number;
}

/** Radians per position of each rotated pair, and the factor on rotated features. */
export function frequenciesOf(rotation: Rotation, scaling: RopeScaling): { frequencies: number[]; amplitude: number } {
  const plain = geometric(rotation);
  switch (scaling.kind) {
    case "none":
      return { frequencies: plain, amplitude: 1 };
    case "linear":
      return { frequencies: plain.map((f) => f / scaling.factor), amplitude: 1 };
    case "ntk":
      return { frequencies: geometric(stretchedBase(rotation, scaling.factor)), amplitude: 1 };
    case "llama3":
      return { frequencies: plain.map((f) => llama3(f, scaling)), amplitude: 1 };
    case "yarn":
      return {
        frequencies: yarn(plain, rotation, scaling),
        amplitude: scaling.amplitude ?? yarnAmplitude(scaling.factor),
      };
    case "dynamic":
      return { frequencies: geometric(stretchedBase(rotation, stretchOf(scaling))), amplitude: 1 };
    case "longrope":
      return {
        frequencies: plain.map((f, i) => f / (scaling.divisors[i] ?? missingDivisor(scaling.divisors, rotation))),
        amplitude: Math.sqrt(1 + Math.log(Math.max(1, scaling.factor)) / Math.log(scaling.trained)),
      };
  }
}

const geometric = ({ base, pairs }: Rotation): number[] =>
  Array.from({ length: pairs }, (_, i) => base ** (-i / pairs));

/** base · factor^(d/(d−2)) with d = 2·pairs: the lowest frequency then falls by exactly the factor, the highest stays. */
function stretchedBase({ base, pairs }: Rotation, factor: number): Rotation {
  return { base: pairs === 1 ? base : base * factor ** (pairs / (pairs - 1)), pairs };
}

/** How much of the factor a length beyond the trained one takes: none at the trained length, all at twice that. */
const stretchOf = ({ factor, length, trained }: Of<"dynamic">): number =>
  Math.max(1, (factor * length) / trained - (factor - 1));

function missingDivisor(divisors: readonly number[], { pairs }: Rotation): never {
  return fail({
    code: "E_ROPE_DIVISORS",
    where: "rope.scaling.divisors",
    expected: `${pairs} numbers, one for each rotated pair`,
    got: `${divisors.length}`,
  });
}

function llama3(f: number, { factor, trained, low, high }: Of<"llama3">): number {
  const wavelength = (2 * Math.PI) / f;
  const kept = clip((trained / wavelength - low) / (high - low));
  return (kept + (1 - kept) / factor) * f;
}

/** Peng et al. 2023, eq. 22–24: the ramp runs over pair indices between those that turn `fast` and `slow` times. */
function yarn(
  plain: readonly number[],
  { base, pairs }: Rotation,
  { factor, trained, fast, slow, truncate }: Of<"yarn">,
): number[] {
  const pairTurning = (turns: number) => (pairs * Math.log(trained / (2 * Math.PI * turns))) / Math.log(base);
  const start = Math.max(0, truncate ? Math.floor(pairTurning(fast)) : pairTurning(fast));
  const end = Math.min(2 * pairs - 1, truncate ? Math.ceil(pairTurning(slow)) : pairTurning(slow));
  const span = end === start ? 1e-3 : end - start;
  return plain.map((f, i) => {
    const stretched = clip((i - start) / span);
    return f * (stretched / factor + (1 - stretched));
  });
}

const yarnAmplitude = (factor: number): number => (factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1);

const clip = (x: number): number => Math.min(1, Math.max(0, x));
