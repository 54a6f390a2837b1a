/** A study's data, opened once for all of its cells. */
import { createHash } from "node:crypto";
import { type CorpusSplit, fitTokenizer, loadCorpus, splitCorpus } from "../../data/index.ts";
import { type Dataset, openDataset, syntheticDataset, textDataset } from "../../tasks/index.ts";
import type { StudyData, StudyTest } from "./schema.ts";

export interface DatasetRequest {
  data: StudyData;
  /** T, places of a training window. */
  length: number;
  /** Most test examples. */
  examples: number;
  test?: StudyTest | undefined;
}

const opened = new Map<string, Promise<Dataset>>();

/** The data of a cell; of one of its tests, where one is given. */
export function openStudyData(request: DatasetRequest): Promise<Dataset> {
  const { data, length, test } = request;
  const key = JSON.stringify(data.kind === "synthetic" ? [data, length, request.examples, test?.lengths] : data);
  const known = opened.get(key) ?? open(request);
  opened.set(key, known);
  return known;
}

async function open({ data, length, examples, test }: DatasetRequest): Promise<Dataset> {
  if (data.kind === "g2p") return openDataset({ kind: "g2p", stress: false });
  if (data.kind === "synthetic") {
    const testLengths = test?.lengths ?? data.testLengths;
    const { task, settings, lengths } = data;
    return syntheticDataset({
      ...{ kind: task, settings, length, examples },
      ...(lengths && { lengths }),
      ...(testLengths && { testLengths }),
    });
  }
  const corpus = await loadCorpus(data.source);
  const whole = splitCorpus(corpus);
  const split = {
    train: cut(whole.train, data.trainCharacters),
    validation: cut(whole.validation, data.testCharacters),
  };
  // Fitted to the whole training part: cells that differ in the amount of data share one vocabulary.
  return textDataset({ name: corpus.name, split, tokenizer: fitTokenizer(whole.train.text, { kind: data.tokenizer }) });
}

type Part = CorpusSplit["train"];

function cut(part: Part, characters: number | undefined): Part {
  if (characters === undefined || characters >= part.text.length) return part;
  const text = part.text.slice(0, characters).toWellFormed();
  return { ...part, text, bytes: Buffer.byteLength(text), sha256: createHash("sha256").update(text).digest("hex") };
}
