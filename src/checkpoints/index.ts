/** Files of tensors, and runs on disk. */
export { type AveragedWeights, averageCheckpoints, averageTensors, loadWeights } from "./average.ts";
export { canonicalJson, type Json } from "./canonical-json.ts";
export { checkpointSteps } from "./checkpoint-folders.ts";
export { onDisk } from "./disk.ts";
export { type LoadedCheckpoint, loadCheckpoint, resumeCheckpoint, type SkippedCheckpoint } from "./load.ts";
export { appendMetrics, type MetricsRecord, readMetrics, truncateMetrics } from "./metrics.ts";
export { parseStored, parseStoredText, type StoredSource } from "./parse-stored.ts";
export { lockRun, type RunLock } from "./run-lock.ts";
export { createRun, listRuns, openRun, type Run, type RunInfo, type RunSummary } from "./runs.ts";
export { decodeSafetensors, encodeSafetensors, type Safetensors } from "./safetensors.ts";
export { type Checkpoint, type SavedCheckpoint, saveCheckpoint } from "./save.ts";
export { float32Of, numbersOf, type StoredDtype, type StoredTensor, type StoredTensors } from "./stored-tensor.ts";
