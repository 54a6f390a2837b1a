import { nearest } from "../spec/index.ts";
import { fail } from "../tensor/index.ts";
import type { Codec } from "./codec.ts";

/** Sequences of symbols, separated by spaces. Throws `E_TASK_SYMBOL` for a word that is none of them. */
export function symbolCodec(names: readonly string[]): Codec {
  const ids = new Map(names.map((name, id) => [name, id]));
  const pieces = (some: ArrayLike<number>) => Array.from(some, (id) => names[id] ?? "");
  return {
    size: names.length,
    encodeSource: (text) =>
      Int32Array.from(text.trim().split(/\s+/), (word) => ids.get(word) ?? failSymbol(word, names)),
    decodeTarget: (answer) =>
      pieces(answer)
        .filter((name) => name !== "")
        .join(" "),
    pieces,
    toJSON: () => ({ kind: "symbols", names: [...names] }),
  };
}

function failSymbol(word: string, names: readonly string[]): never {
  const near = word.length < 3 ? undefined : nearest(word, names); // short words are near to anything
  return fail({
    code: "E_TASK_SYMBOL",
    where: "text",
    expected: "symbols of the task, separated by spaces",
    got: JSON.stringify(word),
    hint: near === undefined ? `It knows ${names.slice(0, 60).join(" ")}.` : `Did you mean ${near}?`,
  });
}
