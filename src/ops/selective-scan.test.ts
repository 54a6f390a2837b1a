import { test } from "vitest";
import { concat, stack, type Tensor } from "../tensor/index.ts";
import {
  type Arrays,
  expectNativeAgrees,
  expectSameFunction,
  randomNormal,
  randomUniform,
  type Subject,
} from "../testing/index.ts";
import { type SelectiveScanInput, selectiveScan, selectiveStep } from "./selective-scan.ts";

const [T, B, I, N] = [9, 2, 3, 4];

const inputs = (state: boolean): Arrays => ({
  delta_TBI: randomUniform("step sizes", [T, B, I], [0, 1]),
  u_TBI: randomNormal("inputs", [T, B, I]),
  A_NI: randomUniform("rates", [N, I], [-2, -0.1]),
  B_TBN: randomNormal("input maps", [T, B, N]),
  C_TBN: randomNormal("output maps", [T, B, N]),
  ...(state && { h_BNI: randomNormal("state", [B, N, I]) }),
});

type At = Readonly<Record<string, Tensor>>;
const scanned = (state: boolean, form: (at: SelectiveScanInput) => At): Subject => ({
  inputs: inputs(state),
  build: (at) => form(at as unknown as SelectiveScanInput),
});

function bySteps({ A_NI, h_BNI, ...timed }: SelectiveScanInput): At {
  let h = h_BNI;
  const ys = Array.from({ length: T }, (_, t) => {
    const at = Object.fromEntries(Object.entries(timed).map(([name, x]) => [name, (x as Tensor).slice(0, t, t + 1)]));
    const next = selectiveStep({ ...(at as unknown as SelectiveScanInput), A_NI, h_BNI: h });
    h = next.h_BNI;
    return next.y_TBI;
  });
  return { y_TBI: concat(0, ys), h_BNI: h! };
}

for (const state of [false, true]) {
  const from = state ? "from a state" : "from nothing";
  test(`[mamba-s6] the loop equals single steps in values and gradients, ${from}`, () =>
    expectSameFunction(
      scanned(state, (at) => ({ ...selectiveScan(at) })),
      scanned(state, bySteps),
    ));
  test(`the native engine agrees, ${from}`, () =>
    expectNativeAgrees(scanned(state, (at) => ({ ...selectiveScan(at) }))));
}

/** h_t = a_t h_{t−1} + w_t by pairs (a, w), composed in ⌈log₂ T⌉ rounds (Hillis & Steele 1986): (a′, w′)∘(a, w) = (a′a, a′w + w′). */
function associative({ delta_TBI, u_TBI, A_NI, B_TBN, C_TBN, h_BNI }: SelectiveScanInput): At {
  let a_TBNI = delta_TBI.unsqueeze(2).mul(A_NI).exp();
  let w_TBNI = delta_TBI.mul(u_TBI).unsqueeze(2).mul(B_TBN.unsqueeze(3));
  for (let reach = 1; reach < T; reach *= 2) {
    const [late, early] = [(x: Tensor) => x.slice(0, reach, T), (x: Tensor) => x.slice(0, 0, T - reach)];
    const head = (x: Tensor) => x.slice(0, 0, reach);
    const w = late(a_TBNI).mul(early(w_TBNI)).add(late(w_TBNI));
    const a = late(a_TBNI).mul(early(a_TBNI));
    [a_TBNI, w_TBNI] = [concat(0, [head(a_TBNI), a]), concat(0, [head(w_TBNI), w])];
  }
  const h_TBNI = h_BNI ? a_TBNI.mul(h_BNI).add(w_TBNI) : w_TBNI;
  return { y_TBI: C_TBN.unsqueeze(2).matmul(h_TBNI).squeeze(2), h_BNI: h_TBNI.at(0, T - 1) };
}

for (const state of [false, true])
  test(`[mamba-s6] the loop equals a parallel associative scan in values and gradients, ${state ? "from a state" : "from nothing"}`, () =>
    expectSameFunction(
      scanned(state, (at) => ({ ...selectiveScan(at) })),
      scanned(state, associative),
    ));

/** Δ, B and C of the first time throughout. */
function unselective({ delta_TBI, B_TBN, C_TBN, ...rest }: SelectiveScanInput): SelectiveScanInput {
  const first = (x: Tensor) => x.slice(0, 0, 1).expand(x.shape);
  return { ...rest, delta_TBI: first(delta_TBI), B_TBN: first(B_TBN), C_TBN: first(C_TBN) };
}

/** y_t = Σ_s (C · exp(s Δ A) Δ B) u_{t−s}: one kernel for all times. */
function convolution({ delta_TBI, u_TBI, A_NI, B_TBN, C_TBN }: SelectiveScanInput): At {
  const [delta_B1I, B_BN1, C_BN1] = [
    delta_TBI.at(0, 0).unsqueeze(1),
    B_TBN.at(0, 0).unsqueeze(2),
    C_TBN.at(0, 0).unsqueeze(2),
  ];
  const kernel = Array.from({ length: T }, (_, lag) =>
    delta_B1I.mul(A_NI).mul(lag).exp().mul(delta_B1I).mul(B_BN1).mul(C_BN1).sum(1),
  );
  const ys = Array.from({ length: T }, (_, t) =>
    Array.from({ length: t + 1 }, (_, lag) => kernel[lag]!.mul(u_TBI.at(0, t - lag))).reduce((a, b) => a.add(b)),
  );
  return { y_TBI: stack(0, ys) };
}

test("[mamba-s6] with constant step size and maps it is a convolution", () =>
  expectSameFunction(
    scanned(false, (at) => ({ y_TBI: selectiveScan(unselective(at)).y_TBI })),
    scanned(false, (at) => convolution(unselective(at))),
  ));
