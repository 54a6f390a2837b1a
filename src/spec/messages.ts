import type { z } from "zod";
import { type Fault, SeqlabError } from "../tensor/index.ts";
import { knownKeys } from "./known-keys.ts";

type Issue = z.core.$ZodIssue;

/** Path as in `layers[3].mixer.heads`. */
export function showPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : text === "" ? String(key) : `${text}.${String(key)}`),
    "",
  );
}

/** Value as it stands in a message: short, one line. */
export function showValue(value: unknown): string {
  const text = value === undefined ? "nothing" : jsonOf(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Values from programs may be none that JSON has, or hold themselves. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? `a ${typeof value}`;
  } catch {
    return `a ${typeof value}`;
  }
}

/** The candidate nearest to a word, if it is near enough to be what was meant; case and punctuation count for little. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const bare = (text: string) => text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");
  const ranked = candidates
    .map((candidate) => ({
      candidate,
      bare: editDistance(bare(word), bare(candidate)),
      whole: editDistance(word.toLowerCase(), candidate.toLowerCase()),
    }))
    .sort((a, b) => a.bare - b.bare || a.whole - b.whole);
  const [best] = ranked;
  return best && best.whole <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : undefined;
}

/** Levenshtein distance, one row at a time; words are cut at 64 characters. */
function editDistance(a: string, b: string): number {
  const [from, to] = [a.slice(0, 64), b.slice(0, 64)];
  let row = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[to.length]!;
}

/** What was parsed, by what, and where it came from. */
export interface SpecPlace {
  /** File or spec name, put in front of paths. */
  source: string;
  value: unknown;
  schema: z.ZodType;
}

/** The first thing wrong with a spec as one error of ours. */
export function specError(issues: readonly Issue[], place: SpecPlace): SeqlabError {
  const { source, value } = place;
  const issue = deepest(issues);
  const path = showPath(issue.path);
  const got = issue.path.reduce<unknown>(
    (at, key) => (at !== null && typeof at === "object" ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    value,
  );
  return new SeqlabError({ where: path === "" ? source : `${source}: ${path}`, ...describe(issue, got, place) });
}

/** Inside a union, the branch that got furthest says what is wrong. */
function deepest(issues: readonly Issue[]): Issue {
  const [issue] = issues;
  if (issue === undefined) throw new Error("no issue to describe");
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return issue;
  const branches = issue.errors.filter((branch) => branch.length > 0).map((branch) => deepest(branch));
  const best = branches.sort(
    (a, b) => b.path.length - a.path.length || Number(a.code === "invalid_type") - Number(b.code === "invalid_type"),
  )[0];
  return best ? { ...best, path: [...issue.path, ...best.path] } : issue;
}

function describe(issue: Issue, got: unknown, { schema, value }: SpecPlace): Omit<Fault, "where"> {
  switch (issue.code) {
    case "unrecognized_keys":
      return { code: "E_SPEC_KEY", ...keyMessage(issue.keys, knownKeys(schema, issue.path, value)) };
    case "invalid_union":
      return { code: "E_SPEC_KIND", ...kindMessage(issue, got) };
    case "invalid_value":
      return { code: "E_SPEC_VALUE", ...choiceMessage(issue.values, got) };
    case "invalid_type":
      return got === undefined
        ? { code: "E_SPEC_MISSING", ...missingMessage(issue) }
        : { code: "E_SPEC_TYPE", expected: issue.expected, got: showValue(got) };
    case "too_small":
      return {
        code: "E_SPEC_RANGE",
        expected: bound(issue, issue.inclusive ? "≥" : ">", issue.minimum),
        got: showValue(got),
      };
    case "too_big":
      return {
        code: "E_SPEC_RANGE",
        expected: bound(issue, issue.inclusive ? "≤" : "<", issue.maximum),
        got: showValue(got),
      };
    case "invalid_format":
      return {
        code: "E_SPEC_FORMAT",
        expected: `text that matches ${issue.pattern ?? issue.format}`,
        got: showValue(got),
      };
    default:
      return { code: "E_SPEC", expected: issue.message, got: showValue(got) };
  }
}

type Message = Pick<Fault, "expected" | "got" | "hint">;

const mostListed = 12;

function keyMessage(keys: readonly string[], known: readonly string[]): Message {
  const more = keys.length > 3 ? ` and ${keys.length - 3} more` : "";
  const got = `${keys.slice(0, 3).map(showValue).join(", ")}${more}`;
  const near = hintFor(keys[0], known);
  const list =
    known.length === 0
      ? {}
      : { hint: `Known: ${known.slice(0, mostListed).join(", ")}${known.length > mostListed ? ", …" : ""}.` };
  return { expected: "only known keys", got, ...list, ...near };
}

/** A discriminated union's complaint: unknown kind. */
function kindMessage(issue: Extract<Issue, { code: "invalid_union" }>, got: unknown): Message {
  const options = "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
  return { expected: `a kind (${options.join(", ")})`, got: showValue(got), ...hintFor(got, options) };
}

/** `a`, `a or b`, `a, b or c`. */
function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function choiceMessage(values: readonly unknown[], got: unknown): Message {
  return { expected: alternatives(values.map(showValue)), got: showValue(got), ...hintFor(got, values.map(String)) };
}

function missingMessage({ path, expected }: { path: readonly PropertyKey[]; expected: string }): Message {
  const hint = path.length === 0 ? {} : { hint: `Add "${String(path.at(-1))}".` };
  return { expected: `a value (${expected})`, got: "nothing", ...hint };
}

function bound({ origin }: { origin: string }, sign: string, limit: number | bigint): string {
  return `${origin === "array" || origin === "string" ? "length " : ""}${sign} ${limit}`;
}

function hintFor(word: unknown, candidates: readonly string[]): { hint?: string } {
  const near = typeof word === "string" ? nearest(word, candidates) : undefined;
  return near === undefined ? {} : { hint: `Did you mean "${near}"?` };
}
