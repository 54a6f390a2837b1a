import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { naiveHeadDecay, naiveHeads } from "./delta-naive.ts";
import { mesaNet } from "./mesa-net.ts";
import { dot, matrixFrom, range, rms, sigmoid, softplus, times } from "./plain-loops.ts";
import { eachSequence, type OneSequence } from "./sequence-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof mesaNet.config.parse>,
  ReturnType<typeof mesaNet.dims>,
  ReturnType<typeof mesaNet.params>
>;

/** x with A x = b by Gauss elimination. */
function solved(A: readonly (readonly number[])[], b: readonly number[]): number[] {
  const rows = A.map((row, i) => [...row, b[i]!]);
  for (const i of rows.keys())
    for (const j of rows.keys()) {
      if (i === j) continue;
      const factor = rows[j]![i]! / rows[i]![i]!;
      rows[j] = rows[j]!.map((value, c) => value - factor * rows[i]![c]!);
    }
  return rows.map((row, i) => row.at(-1)! / row[i]!);
}

const symmetric = (m: number[][]) => m.map((row, i) => row.map((value, j) => (value + m[j]![i]!) / 2));

/** von Oswald et al. 2025, eq. 4, token by token; the state of the regression is symmetric. */
function sequence({ x, p, c, d, s }: OneSequence<At, "conv" | "keys" | "values">) {
  const past = matrixFrom(s?.conv, d.C, d.W - 1);
  const keys = range(d.H).map((h) => symmetric(matrixFrom(s?.keys[h], d.K, d.K)));
  const values = range(d.H).map((h) => matrixFrom(s?.values[h], d.V, d.K));
  const y = x.map((x_t) => {
    const { q, k, v } = naiveHeads(x_t, past, { p, d });
    const beta = times(x_t, p.beta).map(sigmoid);
    const decay = naiveHeadDecay(x_t, p);
    const o = range(d.H).flatMap((h) => {
      const [key, a] = [k[h]!, decay[h]!];
      const update = (m: number[][], left: readonly number[]) =>
        m.map((row, i) => row.map((value, j) => a * value + beta[h]! * left[i]! * key[j]!));
      keys[h] = update(keys[h]!, key);
      values[h] = update(values[h]!, v[h]!);
      const A = keys[h]!.map((row, i) =>
        row.map((value, j) => value + (i === j ? c.ridgeMin + softplus(p.ridge[h]![i]!) : 0)),
      );
      const solution = solved(A, q[h]!);
      return rms(
        values[h]!.map((row) => dot(row, solution)),
        c.epsilon,
      ).map((value, i) => value * p.norm[i]!);
    });
    return times(o, p.out);
  });
  return { y, conv: past, keys, values };
}

mixerSuite(mesaNet, {
  configs: [
    { heads: 2, iterations: 4, epsilon: 0.1 },
    { heads: 2, keySize: 3, valueSize: 2, conv: 3, iterations: 3, epsilon: 0.1 },
  ],
  width: 8,
  algorithmic: ["chunk"],
  naive: eachSequence(["conv", "keys", "values"], sequence),
});
