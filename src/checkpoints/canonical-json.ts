/** JSON whose text depends on the content alone: keys sorted, no spaces, numbers as JavaScript prints them. */
import { fail } from "../tensor/error.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * Equal values give equal text. Throws `E_JSON_VALUE`, naming the path, for what JSON would drop or change in silence:
 * NaN, infinities, undefined, functions, bigints, class instances, lone surrogates.
 */
export function canonicalJson(value: unknown, where = "value"): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") return canonicalNumber(value, where);
  if (typeof value === "string") return canonicalString(value, where);
  if (Array.isArray(value)) return `[${value.map((item, i) => canonicalJson(item, `${where}[${i}]`)).join()}]`;
  if (isPlainObject(value)) {
    const members = Object.keys(value).toSorted();
    return `{${members.map((key) => member(key, value[key], where)).join()}}`;
  }
  return unfit(where, `a ${typeof value}`);
}

const member = (key: string, value: unknown, where: string): string =>
  `${canonicalString(key, where)}:${canonicalJson(value, `${where}.${key}`)}`;

function canonicalNumber(value: number, where: string): string {
  if (!Number.isFinite(value)) unfit(where, String(value));
  return Object.is(value, -0) ? "-0" : JSON.stringify(value); // stringify would lose the sign, parse keeps it
}

function canonicalString(value: string, where: string): string {
  if (!value.isWellFormed()) unfit(where, "a lone surrogate");
  return JSON.stringify(value);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

const unfit = (where: string, got: string): never =>
  fail({
    code: "E_JSON_VALUE",
    where,
    expected: "finite numbers, strings, booleans, null, lists and plain objects",
    got,
  });
