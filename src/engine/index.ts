export { createEngine, engineKinds } from "./create-engine.ts";
export type * from "./engine.ts";
export { countFlops, type FlopCount } from "./flops.ts";
export { ruleProgram, slotShapesOf } from "./kernels/rule-program.ts";
export { createNodeEngine, type NodeEngineOptions } from "./node/node-engine.ts";
export { peakResidentBytes } from "./node/peak-resident.ts";
export { emitOnnx, type OnnxModel } from "./onnx/emit.ts";
export { compileReference, runReference } from "./reference.ts";
export { createReferenceEngine } from "./reference-engine.ts";
