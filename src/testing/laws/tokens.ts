import { expect } from "vitest";
import { expectNaiveAgrees, expectNativeAgrees, expectSameBits, expectSameFunction, perturb } from "../agreement.ts";
import { mapArray, randomNormal } from "../arrays.ts";
import { checkSubjectDerivatives } from "../central-differences.ts";
import { batch, naiveTokens, type TokensRig, tokensSubject } from "../channel-rig.ts";
import type { Law } from "../law.ts";
import { maskOf } from "../mixer-rig.ts";
import { run, type Subject } from "../subject.ts";
import { expectBatch } from "./batch.ts";
import { expectCausal, expectSeesFuture, seesFuture } from "./flow.ts";

const tokens = 9;

/** Only the output itself: auxiliary losses are means over all tokens. */
const outputOnly = (subject: Subject): Subject => ({ ...subject, build: (at) => ({ y: subject.build(at).y! }) });

export const tokensNaive: Law<TokensRig> = {
  name: "it equals the naive form in values and every gradient",
  check: (rig) =>
    expectNaiveAgrees(tokensSubject(rig, { tokens: 5 }), {
      naive: (inputs) => naiveTokens(rig, inputs),
      smooth: rig.capabilities.smooth,
    }),
};

export const tokensDerivatives: Law<TokensRig> = {
  name: "gradients equal central differences",
  check: (rig) => checkSubjectDerivatives(tokensSubject(rig, { tokens: 5, mode: "train" }), rig.capabilities.smooth),
};

export const tokensNative: Law<TokensRig> = {
  name: "the native engine agrees with the reference in values and gradients",
  check: async (rig) => {
    for (const mode of ["eval", "train"] as const) await expectNativeAgrees(tokensSubject(rig, { tokens: 21, mode }));
  },
};

export const tokensSameBits: Law<TokensRig> = {
  name: "the same seed gives the same bits",
  check: (rig) => expectSameBits(() => tokensSubject(rig, { tokens: 21, mode: "train" })),
};

const tokenwise = ({ capabilities: { flow, batch: coupling } }: TokensRig) =>
  flow === "both" && coupling === "independent";

export const everyTokenAlone: Law<TokensRig> = {
  name: "every token gives what it gives alone",
  applies: tokenwise,
  check: (rig) =>
    expectSameFunction(
      outputOnly(tokensSubject(rig, { tokens, rows: true })),
      outputOnly(tokensSubject(rig, { tokens })),
    ),
};

export const tokensFlow: Law<TokensRig> = {
  name: "another future moves what is before it exactly where declared",
  check: (rig) => {
    const subject = tokensSubject(rig, { tokens });
    if (seesFuture(rig.capabilities)) expectSeesFuture(subject);
    else expectCausal(subject, rig.capabilities.exact);
  },
};

export const tokensBatch: Law<TokensRig> = {
  name: "sequences of a batch mix exactly where declared",
  check: (rig) => {
    const { batch: declared, exact } = rig.capabilities;
    for (const mode of ["train", "eval"] as const)
      expectBatch(tokensSubject(rig, { tokens, mode }), { mode, declared, exact });
  },
};

export const tokensPadding: Law<TokensRig> = {
  name: "padding moves neither real tokens nor losses",
  check: (rig) => {
    const lengths = [tokens, tokens - 3];
    const subject = tokensSubject(rig, { tokens, mode: "train", mask_BT: maskOf(lengths, tokens) });
    const real = (i: number) => Math.floor(i / rig.width) % tokens < lengths[Math.floor(i / rig.width / tokens)]!;
    const other = randomNormal("other padding", subject.inputs.x!.shape);
    const x = mapArray(subject.inputs.x!, (value, i) => (real(i) ? value : value + other.data[i]!));
    const { before, after } = perturb(subject, { x });
    const moved = mapArray(after.y!, (value, i) => (real(i) ? value - before.y!.data[i]! : 0));
    expect(
      moved.data.every((difference) => difference === 0),
      "outputs of real tokens stay",
    ).toBe(true);
    expect({ ...after, y: undefined }).toEqual({ ...before, y: undefined });
  },
};

export const tokensShapes: Law<TokensRig> = {
  name: "outputs have the shape of inputs, and active parameters are a part of all",
  check: (rig) => {
    const { y, ...losses } = run(tokensSubject(rig, { tokens, mode: "train" }));
    expect(y!.shape).toEqual([batch, tokens, rig.width]);
    for (const { shape } of Object.values(losses)) expect(shape).toEqual([]);
    const all = Object.values(rig.part.parameters).reduce((sum, { data }) => sum + data.length, 0);
    const active = rig.activeParams ?? all;
    expect(Number.isInteger(active) && active >= 0 && active <= all).toBe(true);
  },
};
