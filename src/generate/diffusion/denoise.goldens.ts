import type { Computed, GoldenAdapter, GoldenCase } from "../../testing/goldens/index.ts";
import { softmax } from "../sampling/softmax.ts";
import { type DenoiseOptions, denoise, type Predict } from "./denoise.ts";
import { candidate, chooseEdits, chooseReveals, type Pace, revealSchedule } from "./reveal.ts";

/** The stored look-up model: a place's scores depend on its token and on both neighbours (0 beyond the ends). */
function lookUp(c: GoldenCase): Predict {
  const [base, left, right, V] = [c.values("in.base"), c.values("in.left"), c.values("in.right"), c.number("vocab")];
  return (ids, { start, end }) =>
    Array.from({ length: (end - start) * V }, (_, i) => {
      const [place, id] = [start + Math.floor(i / V), i % V];
      return (
        base[(place * V + ids[place]!) * V + id]! +
        left[(ids[place - 1] ?? 0) * V + id]! +
        right[(ids[place + 1] ?? 0) * V + id]!
      );
    });
}

/** A row's share of the stored draws: per step the candidates' noise if there is a temperature, then the random order. */
function storedNoise(c: GoldenCase, row: number, length: number): DenoiseOptions["noise"] {
  const [V, noisy, random] = [
    c.number("vocab"),
    c.number("temperature", 0) > 0,
    c.text("remasking", "low_confidence") === "random",
  ];
  const perStep = Number(noisy) + Number(random);
  return {
    candidates: (step, place) =>
      c.values(`in.uniform${step * perStep}`).subarray((row * length + place) * V, (row * length + place + 1) * V),
    order: (step, place) => c.values(`in.uniform${step * perStep + Number(noisy)}`)[row * length + place]!,
  };
}

async function sampler(c: GoldenCase): Promise<Computed> {
  const [prompt, rows, start] = [c.values("in.prompt"), c.number("B"), c.number("prompt")];
  const [length, block, mask] = [start + c.number("gen_length"), c.number("block_length"), c.number("vocab") - 1];
  const blocks = c.number("gen_length") / block;
  const steps: number[] = [];
  const final: number[] = [];
  for (let row = 0; row < rows; row++) {
    const ids = new Int32Array(length).fill(mask);
    ids.set(prompt.subarray(row * start, (row + 1) * start));
    const options: DenoiseOptions = {
      vocabulary: mask + 1,
      mask,
      start,
      block,
      steps: c.number("steps") / blocks,
      temperature: c.number("temperature", 0),
      remasking: c.text("remasking", "low_confidence") === "random" ? "random" : "low-confidence",
      guidance: c.number("cfg_scale", 0),
      noise: storedNoise(c, row, length),
    };
    for await (const _ of denoise(ids, lookUp(c), options, () => void steps.push(...ids)));
    final.push(...ids);
  }
  return { "out.x": final, "out.steps": steps };
}

/** Steps over stored logits that do not depend on the text. */
function unmask(c: GoldenCase): Computed {
  const [rows, length, V, steps] = [c.number("B"), c.number("length"), c.number("vocab"), c.number("steps")];
  const [logits, x] = [c.values("in.logits"), c.values("in.x")];
  const schedule = revealSchedule(length, steps);
  const prompt = c.values("in.prompt_mask");
  const [texts, committed, replaced]: [number[], number[], number[]] = [[], [], []];
  for (let step = 0; step < steps; step++)
    for (let row = 0; row < rows; row++) {
      const ids = x.subarray(row * length, (row + 1) * length);
      const masked = Array.from(ids, (_, place) => place).filter((place) => ids[place] === V - 1);
      const at = (place: number) => ((step * rows + row) * length + place) * V;
      const likeliest = (place: number) => candidate(logits.subarray(at(place), at(place) + V), { temperature: 0 });
      const candidates = masked.map(likeliest);
      const standing = Array.from(ids, (_, place) => place).filter((place) => ids[place] !== V - 1 && !prompt[place]);
      const present = standing.map((place) => ids[place]!);
      const edits = chooseEdits(standing.map(likeliest), { present, editing: c.number("editing", 1) });
      const edited = new Set(edits.map((i) => standing[i]!));
      for (const place of edited) ids[place] = likeliest(place).id;
      const options = { count: schedule[step]!, threshold: c.number("threshold") };
      const revealed = chooseReveals(
        candidates.map(({ confidence }) => confidence),
        options,
      );
      for (const i of revealed) ids[masked[i]!] = candidates[i]!.id;
      texts.push(...ids);
      committed.push(...Array.from(ids, (_, place) => Number(revealed.some((i) => masked[i] === place))));
      replaced.push(...Array.from(ids, (_, place) => Number(edited.has(place))));
    }
  return { "out.x": texts, "out.committed": committed, "out.edited": replaced };
}

/** Steps of MaskGIT over stored logits and draws. */
function paced(c: GoldenCase): Computed {
  const [rows, length, V, steps] = [c.number("B"), c.number("length"), c.number("vocab"), c.number("steps")];
  const [logits, sampled] = [c.values("in.logits"), c.values("in.sampled")];
  const texts = Array.from({ length: steps }, () => new Array<number>(rows * length));
  for (let row = 0; row < rows; row++) {
    const ids = Array.from(c.values("in.x").subarray(row * length, (row + 1) * length));
    const masks = ids.filter((id) => id === V).length;
    revealSchedule(masks, steps, { pace: c.text("schedule") as Pace, length }).forEach((count, step) => {
      const masked = ids.flatMap((id, place) => (id === V ? [place] : []));
      const at = (place: number) => (step * rows + row) * length + place;
      const confidences = masked.map(
        (place) => softmax(logits.subarray(at(place) * V, (at(place) + 1) * V))[sampled[at(place)]!]!,
      );
      for (const i of chooseReveals(confidences, { count })) ids[masked[i]!] = sampled[at(masked[i]!)]!;
      texts[step]!.splice(row * length, length, ...ids);
    });
  }
  return { "out.x": texts.flat() };
}

export const adapters: GoldenAdapter[] = [
  { kind: "diffusion", component: "llada-sampler", compute: sampler },
  { kind: "diffusion", component: "unmask", compute: unmask },
  { kind: "diffusion", component: "unmask-schedule", compute: paced },
];
