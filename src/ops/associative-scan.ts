/**
 * Parallel prefixes of linear recurrences h_t = a_t ⊙ h_{t−1} + u_t (Blelloch 1990, section 1.4; Martin & Cundy 2018): pairs of
 * neighbours are joined into one element, the half as long sequence is solved the same way, and what lies between follows. Work
 * O(T), 2 log₂ T levels, where a loop takes T steps.
 */
import { concat, stack, type Tensor } from "../tensor/index.ts";

/** (a, u) stands for h ↦ a ⊙ h + u. */
interface Elements {
  a: Tensor;
  u: Tensor;
}

/** h at every time, of the shape of `u`; `a` broadcasts to it; `h`, without the axis of time, stands before the first. */
export function associativeScan({ a, u, h, axis = -1 }: Elements & { h?: Tensor | undefined; axis?: number }): Tensor {
  const along = axis < 0 ? axis + u.rank : axis;
  const all = prefixes({ a: a.expand(u.shape), u }, along);
  return h ? all.a.mul(h.unsqueeze(along)).add(all.u) : all.u;
}

/** `after` ∘ `before`. */
const join = (before: Elements, after: Elements): Elements => ({
  a: after.a.mul(before.a),
  u: after.a.mul(before.u).add(after.u),
});

/** The composition of all elements up to each. */
function prefixes({ a, u }: Elements, axis: number): Elements {
  const T = u.dim(axis);
  if (T < 2) return { a, u };
  const every = (from: number, to: number): Elements => ({
    a: a.slice(axis, from, to, 2),
    u: u.slice(axis, from, to, 2),
  });
  const pairs = T - (T % 2);
  const odd = prefixes(join(every(0, pairs), every(1, pairs)), axis);
  const before = { a: odd.a.slice(axis, 0, Math.ceil(T / 2) - 1), u: odd.u.slice(axis, 0, Math.ceil(T / 2) - 1) };
  const even = T > 2 ? join(before, every(2, T)) : undefined;
  const merge = (of: keyof Elements, first: Tensor) => {
    const evens = even ? concat(axis, [first, even[of]]) : first;
    return interleaved(evens, odd[of].pad(axis, 0, T % 2), axis).slice(axis, 0, T);
  };
  return { a: merge("a", a.slice(axis, 0, 1)), u: merge("u", u.slice(axis, 0, 1)) };
}

/** x₀, y₀, x₁, y₁, … */
const interleaved = (x: Tensor, y: Tensor, axis: number): Tensor =>
  stack(axis + 1, [x, y]).reshape(x.shape.map((dim, i) => (i === axis ? 2 * dim : dim)));
