import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runReference } from "../engine/reference.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import { oneHot } from "./indexing.ts";
import { balanceLoss, routerZLoss, routeTopK } from "./routing.ts";
import { blockDispatch, blocksFor, capacityDispatch, type Dispatch } from "./routing-dispatch.ts";

const values = (t: Tensor) => [...runReference([t], {})[0]!];

/** Distinct choices of k among `experts` for every token. */
const choices = fc
  .record({
    experts: fc.integer({ min: 2, max: 6 }),
    tokens: fc.integer({ min: 1, max: 20 }),
    k: fc.integer({ min: 1, max: 2 }),
  })
  .chain(({ experts, tokens, k }) => {
    const token = fc.shuffledSubarray([...Array(experts).keys()], { minLength: k, maxLength: k });
    return fc.record({
      experts: fc.constant(experts),
      chosen: fc.array(token, { minLength: tokens, maxLength: tokens }),
    });
  });

const oneHots = (chosen: readonly (readonly number[])[], experts: number) =>
  oneHot(constant(chosen.flat(), [chosen.length, chosen[0]!.length], "i32"), experts);

const groupOf = (slot: number, { slotsPerGroup }: Dispatch) => Math.floor(slot / slotsPerGroup);

describe("block dispatch", () => {
  test("every choice has a slot of its own, in a block that its expert serves, which holds its token", () => {
    fc.assert(
      fc.property(choices, fc.integer({ min: 1, max: 8 }), ({ experts, chosen }, block) => {
        const dispatch = blockDispatch({ chosen_NKE: oneHots(chosen, experts), block });
        expect(dispatch.groups).toBe(blocksFor({ choices: chosen.flat().length, experts, block }));
        const [slots, tokens, serves] = [dispatch.slots_NK, dispatch.tokens_R, dispatch.experts_GE!].map(values) as [
          number[],
          number[],
          number[],
        ];
        expect(new Set(slots).size).toBe(slots.length);
        chosen.flat().forEach((expert, pair) => {
          expect(tokens[slots[pair]!]).toBe(Math.floor(pair / chosen[0]!.length));
          expect(serves[groupOf(slots[pair]!, dispatch) * experts + expert]).toBe(1);
        });
      }),
    );
  });
});

describe("capacity dispatch", () => {
  test("the first tokens of each sequence get an expert's places, padding none", () => {
    // Two sequences of 4 tokens with one choice each; the last token of the second is padding.
    const chosen = [[0], [0], [0], [1], [1], [0], [0], [0]];
    const real_N = constant([1, 1, 1, 1, 1, 1, 1, 0], [8]);
    const dispatch = capacityDispatch({ chosen_NKE: oneHots(chosen, 2), sequences: 2, capacity: 2, real_N });
    expect(values(dispatch.served_NK!)).toEqual([1, 1, 0, 1, 1, 1, 1, 0]);
    expect(values(dispatch.slots_NK)).toEqual([0, 1, 0, 4, 6, 2, 3, 0]);
    expect(values(dispatch.tokens_R)).toEqual([0, 1, 5, 6, 3, 0, 4, 0]);
  });
});

describe("routing", () => {
  const logits = constant([2, 1, 0, 0, 0, 3], [2, 3]);

  test("weights are a softmax of their own, or shares of the softmax over all", () => {
    const own = routeTopK(logits, { k: 2, renormalise: true });
    const shares = routeTopK(logits, { k: 2, renormalise: false });
    expect(values(own.experts_NK)).toEqual([0, 1, 2, 0]);
    for (const total of values(own.weights_NK.sum(-1))) expect(total).toBeCloseTo(1, 12);
    expect(values(own.weights_NK)[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 12);
    expect(values(shares.weights_NK)[0]).toBeCloseTo(Math.exp(2) / (Math.exp(2) + Math.exp(1) + 1), 12);
  });

  test("padding counts in no loss", () => {
    const { probs_NE, chosen_NKE } = routeTopK(logits, { k: 1, renormalise: false });
    const real = constant([1, 0], [2]);
    const first = { probs: probs_NE.slice(0, 0, 1), chosen: chosen_NKE.slice(0, 0, 1) };
    expect(values(balanceLoss({ probs: probs_NE, chosen: chosen_NKE }, { real }))).toEqual(values(balanceLoss(first)));
    expect(values(routerZLoss(logits, { real }))).toEqual(values(routerZLoss(logits.slice(0, 0, 1))));
  });
});
