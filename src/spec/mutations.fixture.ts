/** Ways in which specs come broken: trees with wrong parts, and texts that are no good JSON or YAML. */
import type { Rng } from "../ops/index.ts";

type Tree = null | boolean | number | string | Tree[] | { [key: string]: Tree };
type Container = Tree[] | { [key: string]: Tree };

/** Values that no place in a spec, or only the wrong one, takes. */
const strangers: readonly (() => Tree)[] = [
  () => null,
  () => true,
  () => "",
  () => "none",
  () => "attention",
  () => 0,
  () => -1,
  () => 0.5,
  () => 3,
  () => 7,
  () => 1e9,
  () => Number.MAX_SAFE_INTEGER + 1,
  () => 1e308,
  () => [],
  () => ({}),
  () => [null],
  () => ({ kind: null }),
  () => ({ kind: "none" }),
  () => ({ kind: "constructor" }),
  () => ({ kind: "__proto__", toString: 1 }),
  () => ({ kind: "rope", base: -1 }),
  () => nested(200),
  () => "x".repeat(5000),
  () => "\u0000\ud800é🐋",
];

function nested(depth: number): Tree {
  let tree: Tree = 1;
  for (let i = 0; i < depth; i++) tree = i % 2 === 0 ? [tree] : { kind: tree };
  return tree;
}

const oddKeys = [
  "__proto__",
  "constructor",
  "kind",
  "repeat",
  "pattern",
  "parts",
  "headz",
  "Width",
  " ",
  "",
  "0",
  "toString",
];

const pick = <T>(rng: Rng, items: readonly T[]): T => items[rng.below(items.length)]!;

/** A copy of a spec with one to four things wrong. */
export function mutatedSpec(spec: unknown, rng: Rng): unknown {
  const root = { spec: structuredClone(spec) as Tree };
  for (let count = 1 + rng.below(4); count > 0; count--) mutate(root, rng);
  return root.spec;
}

function mutate(root: Container, rng: Rng): void {
  const { holder, key } = pick(rng, placesIn(root));
  const object = holder as Record<string, Tree>;
  const value = object[key]!;
  const ways = [
    () => delete object[key],
    () => rename(object, key, pick(rng, oddKeys)),
    () => rename(object, key, `${key.slice(0, -1)}${pick(rng, ["", "x", key.slice(-1).toUpperCase()])}`),
    () => set(object, key, pick(rng, strangers)()),
    () => set(object, key, pick(rng, strangers)()),
    () => set(object, key, typeof value === "number" ? value * pick(rng, [-1, 0, 0.37, 2, 1000, 1e12]) : [value]),
    () =>
      set(
        object,
        key,
        typeof value === "string" ? value.toUpperCase() : typeof value === "object" ? "object" : String(value),
      ),
    () => set(object, pick(rng, oddKeys), pick(rng, strangers)()),
    () => Array.isArray(value) && value.push(...(structuredClone(value) as Tree[]), pick(rng, strangers)()),
  ];
  pick(rng, ways)();
}

/** Assignment that makes an own key even of `__proto__`. */
function set(object: Record<string, Tree>, key: string, value: Tree): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function rename(object: Record<string, Tree>, key: string, to: string): void {
  const value = object[key]!;
  delete object[key];
  set(object, to, value);
}

function placesIn(container: Container): { holder: Container; key: string }[] {
  return Object.entries(container).flatMap(([key, value]) => [
    { holder: container, key },
    ...(value !== null && typeof value === "object" ? placesIn(value) : []),
  ]);
}

/** A spec's text with bytes cut, doubled, or replaced. */
export function mutatedText(text: string, rng: Rng): string {
  const at = rng.below(text.length);
  const length = 1 + rng.below(20);
  const junk = pick(rng, [
    "{",
    "}",
    "]",
    '"',
    ":",
    ",",
    "&a ",
    "*a",
    "!!js/function ",
    "\t",
    "\u0000",
    "\n- ",
    "<<: *a",
    "%",
    "|",
    "? ",
    "0x",
    "1e999",
    "\ufeff",
    "'",
    "`",
    "@",
  ]);
  const ways = [
    () => text.slice(0, at),
    () => text.slice(0, at) + text.slice(at + length),
    () => text.slice(0, at) + junk + text.slice(at),
    () => text.slice(0, at) + junk + text.slice(at + length),
    () => text.slice(0, at) + text.slice(at, at + length) + text.slice(at),
  ];
  return pick(rng, ways)();
}

/** Texts that are made to hurt. */
export const hostileTexts: Readonly<Record<string, string>> = {
  empty: "",
  "only spaces": "   \n\n",
  null: "null",
  number: "42",
  "a list": "[]",
  "a billion laughs": [
    "a0: &a0 [x]",
    ...Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}*a${i}]`),
  ].join("\n"),
  "aliases without end": `name: a\nwidth: 8\nlayers: &l [{ mixer: { kind: lstm } }]\nx: [${"*l,".repeat(20_000)}*l]`,
  "an alias to itself": "a: &a [*a]",
  "merge keys": "base: &b { name: a }\n<<: *b\nwidth: 8",
  "deep lists": "[".repeat(50_000),
  "deep closed lists": "[".repeat(5_000) + "]".repeat(5_000),
  "deep block lists": Array.from({ length: 2_000 }, (_, i) => `${" ".repeat(i)}-`).join("\n"),
  "deep objects": '{"a":'.repeat(20_000),
  "a long scalar": `name: ${"a".repeat(900_000)}`,
  "too long": " ".repeat(1_000_001),
  "many keys": `{${Array.from({ length: 50_000 }, (_, i) => `"k${i}":0`).join(",")}}`,
  "many layers": `{"name":"a","width":8,"layers":[${Array.from({ length: 3_000 }, () => '{"mixer":{"kind":"lstm"}}').join(",")}]}`,
  "a long pattern": `{"name":"a","width":8,"layers":{"pattern":"${"m*9999 ".repeat(1_400)}","parts":{"m":{"mixer":{"kind":"lstm"}}}}}`,
  "repeated repeats": `{"name":"a","width":8,"layers":[${Array.from({ length: 1_000 }, () => '{"repeat":1000,"mixer":{"kind":"lstm"}}').join(",")}]}`,
  "doubled key": '{"name":"a","name":"b","width":8,"layers":[]}',
  "other documents": "name: a\n---\nname: b\n",
  tags: "name: !!js/function 'function () {}'\nwidth: !!binary aGVsbG8=",
  "not UTF-8": Buffer.from([0xff, 0xfe, 0x00, 0x41, 0xc3, 0x28]).toString("latin1"),
};
