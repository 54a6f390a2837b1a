import { fail, iota, type Tensor, where } from "../tensor/index.ts";

/** A tensor whose axes carry letters. */
interface Lettered {
  t: Tensor;
  letters: readonly string[];
}

/**
 * Einstein summation in numpy's notation: letters absent from the output are summed, a letter twice in one operand takes
 * its diagonal, `...` stands for broadcast axes; without `->` the output holds the letters that occur once, sorted.
 * Operands are joined from the left, each pair by one matrix product.
 */
export function einsum(equation: string, ...operands: Tensor[]): Tensor {
  const [left = "", right] = equation.replaceAll(" ", "").split("->");
  const inputs = left.split(",");
  if (inputs.length !== operands.length)
    fail({
      code: "E_EINSUM",
      where: `einsum "${equation}"`,
      expected: `${inputs.length} operands`,
      got: String(operands.length),
    });
  const ranks = inputs.map((letters, i) => operands[i]!.rank - letters.replace("...", "").length);
  const hidden = Array.from({ length: Math.max(0, ...ranks) }, (_, i) => `#${i}`);
  const spell = (text: string, rank: number) =>
    text.split(/(\.\.\.)/).flatMap((part) => (part === "..." ? hidden.slice(hidden.length - rank) : [...part]));
  const lettered = operands.map((t, i) => onDiagonals({ t, letters: spell(inputs[i]!, ranks[i]!) }));
  const output = right === undefined ? impliedOutput(inputs.join(""), hidden) : spell(right, hidden.length);
  return arrange(contractAll(lettered, output), output);
}

function impliedOutput(letters: string, hidden: readonly string[]): string[] {
  const all = [...letters.replaceAll("...", "")];
  return [...hidden, ...all.filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter)).sort()];
}

function contractAll(parts: readonly Lettered[], output: readonly string[]): Lettered {
  return parts.slice(1).reduce(
    (joined, part, i) => {
      const later = new Set([...output, ...parts.slice(i + 2).flatMap(({ letters }) => letters)]);
      return join(
        sumOut(joined, (letter) => later.has(letter) || part.letters.includes(letter)),
        part,
        later,
      );
    },
    parts.length === 1 ? sumOut(parts[0]!, (letter) => output.includes(letter)) : parts[0]!,
  );
}

/** Letters of both and needed later are the batch, those of both and not needed are contracted. */
function join(a: Lettered, b: Lettered, later: ReadonlySet<string>): Lettered {
  const right = sumOut(b, (letter) => later.has(letter) || a.letters.includes(letter));
  const shared = a.letters.filter((letter) => right.letters.includes(letter));
  const batch = shared.filter((letter) => later.has(letter));
  const inner = shared.filter((letter) => !later.has(letter));
  const [rows, columns] = [without(a.letters, shared), without(right.letters, shared)];
  const sizes = new Map<string, number>();
  for (const { t, letters } of [a, right])
    letters.forEach((letter, i) => void sizes.set(letter, Math.max(sizes.get(letter) ?? 1, t.dim(i))));
  const matrix = (x: Lettered, groups: readonly (readonly string[])[]) =>
    arrange(x, groups.flat(), sizes).reshape([
      ...batch.map((letter) => sizes.get(letter)!),
      ...groups.slice(1).map((g) => count(g, sizes)),
    ]);
  const product = matrix(a, [batch, rows, inner]).matmul(matrix(right, [batch, inner, columns]));
  const letters = [...batch, ...rows, ...columns];
  return { t: product.reshape(letters.map((letter) => sizes.get(letter)!)), letters };
}

const without = (letters: readonly string[], others: readonly string[]) =>
  letters.filter((letter) => !others.includes(letter));

const count = (letters: readonly string[], sizes: ReadonlyMap<string, number>) =>
  letters.reduce((product, letter) => product * sizes.get(letter)!, 1);

function sumOut({ t, letters }: Lettered, keep: (letter: string) => boolean): Lettered {
  const axes = letters.flatMap((letter, axis) => (keep(letter) ? [] : [axis]));
  return { t: t.sum(axes), letters: letters.filter(keep) };
}

/** Axes in this order, broadcast to `sizes` where those are larger. */
function arrange({ t, letters }: Lettered, order: readonly string[], sizes?: ReadonlyMap<string, number>): Tensor {
  const ordered = t.transpose(order.map((letter) => letters.indexOf(letter)));
  return sizes ? ordered.expand(order.map((letter) => sizes.get(letter)!)) : ordered;
}

/** Sums over a repeated letter's second axis with all but its diagonal put to zero. */
function onDiagonals({ t, letters }: Lettered): Lettered {
  const second = letters.findIndex((letter, axis) => letters.indexOf(letter) < axis);
  if (second < 0) return { t, letters };
  const first = letters.indexOf(letters[second]!);
  const along = (axis: number) => iota(t.dim(axis)).reshape(t.shape.map((dim, i) => (i === axis ? dim : 1)));
  const kept = where(along(first).equal(along(second)), t, 0).sum(second);
  return onDiagonals({ t: kept, letters: letters.filter((_, axis) => axis !== second) });
}
