import { expect, test } from "vitest";
import { runReference } from "../engine/index.ts";
import { constant } from "../tensor/index.ts";
import { discretise, hippo, normalPlusLowRank } from "./index.ts";

/** Legendre polynomials P_0 … P_(size − 1) at x. */
function legendre(size: number, x: number): number[] {
  const values = [1, x];
  for (let n = 1; n + 1 < size; n++) values.push(((2 * n + 1) * x * values[n]! - n * values[n - 1]!) / (n + 1));
  return values.slice(0, size);
}

/** The state after c_k = c_(k−1) + (A c + B u)/k (trapezoidal rule), which keeps u on [0, 1] (Gu et al. 2020, theorem 2). */
function stateOf(u: (t: number) => number, size: number, steps: number): number[] {
  const { A, B } = hippo("legs", size);
  let c = B.map(() => 0);
  for (let k = 1; k <= steps; k++) {
    const right = c.map(
      (x, n) => x + A[n]!.reduce((sum, a, j) => sum + a * c[j]!, 0) / (2 * k) + (B[n]! * u(k / steps)) / k,
    );
    const next: number[] = [];
    for (let n = 0; n < size; n++) {
      const known = next.reduce((sum, x, j) => sum - (A[n]![j]! * x) / (2 * k), 0);
      next.push((right[n]! - known) / (1 - A[n]![n]! / (2 * k)));
    }
    c = next;
  }
  return c;
}

/** Root mean square error of the signal that a state stands for. */
function reconstructionError(u: (t: number) => number, size: number): number {
  const c = stateOf(u, size, 4000);
  const points = Array.from({ length: 101 }, (_, i) => i / 100);
  const errors = points.map((t) => {
    const basis = legendre(size, 2 * t - 1);
    return u(t) - c.reduce((sum, value, n) => sum + value * Math.sqrt(2 * n + 1) * basis[n]!, 0);
  });
  return Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
}

test("[hippo-init] a signal is reconstructed from the LegS state, the better the larger it is", () => {
  const cubic = (t: number) => 4 * t ** 3 - 3 * t ** 2 + t - 0.5;
  expect(reconstructionError(cubic, 4)).toBeLessThan(0.01);
  expect(reconstructionError(cubic, 4)).toBeLessThan(0.1 * reconstructionError(cubic, 2));
  const wave = (t: number) => Math.sin(5 * t);
  const errors = [2, 4, 6, 8].map((size) => reconstructionError(wave, size));
  for (const [i, error] of errors.slice(1).entries()) expect(error).toBeLessThan(0.7 * errors[i]!);
});

test("[hippo-init] the eigenbasis gives back the matrix: V (re − i·im) V* − P Pᵀ over both of each pair", () => {
  for (const measure of ["legs", "legt", "fout"] as const) {
    const { A, B, P } = hippo(measure, 8);
    const { re, im, vectors } = normalPlusLowRank({ A, B, P });
    const largest = Math.max(...A.flat().map(Math.abs));
    for (const [n, row] of A.entries())
      for (const [k, expected] of row.entries()) {
        const normal = vectors.reduce((sum, v, j) => {
          const [[a, b], [c, d]] = [v[n]!, v[k]!];
          // 2 Re(λ v_n conj(v_k)) with λ = re − i·im.
          return sum + 2 * (re * (a * c + b * d) + im[j]! * (b * c - a * d));
        }, 0);
        const lowRank = P.reduce((sum, p) => sum + p[n]! * p[k]!, 0);
        expect(Math.abs(normal - lowRank - expected) / largest).toBeLessThan(1e-9);
      }
  }
});

test("[ssm-lti-s4] a scalar's decay is e^{AΔ} by zero-order hold, and nears it quadratically by the trapezoidal rule", () => {
  const at = (dt: number, method: "zoh" | "bilinear") => {
    const a = { re: constant([-0.7], [1]), im: constant([2], [1]) };
    const { decay, input } = discretise(a, constant([dt], [1]), method);
    return runReference([decay.re, decay.im, input.re, input.im], {}).map((values) => values[0]!);
  };
  const exact = (dt: number) => [Math.exp(-0.7 * dt) * Math.cos(2 * dt), Math.exp(-0.7 * dt) * Math.sin(2 * dt)];
  expect(at(0.3, "zoh")[0]).toBeCloseTo(exact(0.3)[0]!, 14);
  expect(at(0.3, "zoh")[1]).toBeCloseTo(exact(0.3)[1]!, 14);
  const error = (dt: number) =>
    Math.hypot(at(dt, "bilinear")[0]! - exact(dt)[0]!, at(dt, "bilinear")[1]! - exact(dt)[1]!);
  // One step's error falls with dt³: eight times at half the step.
  expect(error(0.1) / error(0.05)).toBeGreaterThan(7);
  expect(error(0.1) / error(0.05)).toBeLessThan(9);
  // A step so small that e^z − 1 would cancel: the input's factor is still the step.
  expect(at(1e-9, "zoh")[2]! / 1e-9).toBeCloseTo(1, 8);
});
