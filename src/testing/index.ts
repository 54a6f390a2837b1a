/** Laws that components obey, read off what they declare, and what tests need to state their own. */
export type { Closeness } from "./allclose.ts";

import "./allclose.ts";

export { expectNaiveAgrees, expectNativeAgrees, expectSameBits, expectSameFunction } from "./agreement.ts";
export * from "./arrays.ts";
export { gradCheck } from "./central-differences.ts";
export type { NaiveTokensArguments, NaiveTokensResult } from "./channel-rig.ts";
export { channelSuite, normSuite, type TokensSuiteOptions } from "./channel-suite.ts";
export type { NaiveMixerArguments, NaiveMixerResult } from "./mixer-rig.ts";
export { type MixerSuiteOptions, mixerSuite } from "./mixer-suite.ts";
export { compileNative, nativeEngine } from "./native.ts";
export { drawParameters } from "./parameters.ts";
export { plainIo, weightsFrom } from "./part.ts";
export { type PositionSuiteOptions, positionSuite } from "./position-suite.ts";
export { type ResidualSuiteOptions, residualSuite } from "./residual-suite.ts";
export { type RouterSuiteOptions, routerSuite } from "./router-suite.ts";
export { type Evaluation, evaluate, run, type Subject } from "./subject.ts";
export { withMemory } from "./with-memory.ts";
