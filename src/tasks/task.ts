/**
 * The contract of a synthetic task: a family of seeded examples that a sequence model either solves or does not. Ids count
 * from 0; T is the number of places an example is read at.
 */
import type { z } from "zod";
import type { Citation } from "../blocks/index.ts";
import type { Rng } from "../ops/index.ts";
import type { Score } from "./dataset.ts";

export interface Example {
  /** [T] ids, or [T·F] features. */
  inputs: Int32Array | Float32Array;
  /** [T]: the id that is right at each place; 0 where nothing is scored. */
  targets: Int32Array;
  /** [T]: 1 where the answer is scored. It follows from the inputs up to this place and the config. */
  mask: Uint8Array;
}

export interface Size<C> {
  /** What it counts is the task's to say: `lengthIs`. */
  length: number;
  c: C;
}

export interface Task<C = Record<string, unknown>> {
  /** As on the command line; equals the file's name. */
  kind: string;
  title: string;
  cite: Citation;
  /** A sequence, drawn: what stands where, and after `→` what is scored. */
  layout: string;
  config: z.ZodType<C>;
  lengthIs: string;
  /** Shortest length that has examples. */
  least(c: C): number;
  /** The longest example of this length: T. Grows with it. */
  window(length: number, c: C): number;
  /** Ids in all; `inputs` and `targets` stay below. */
  vocabulary(c: C): number;
  /** F where a place is read as features instead of an id. */
  features?: number;
  /** Every id that an answer may be. A guess among them is right once in so many: chance is 1 / answers. */
  answers(c: C): readonly number[];
  /**
   * The id between a question and its answer, where every example is one of each: encoder–decoders read the question and write
   * the answer.
   */
  separator?(c: C): number;
  /** What ids are called, in order; default: their numbers. */
  names?(c: C): readonly string[];
  /** What whole answers are worth beyond being right as a whole. Read where a model writes its answers. */
  judge?(answers: readonly Answered[], c: C): readonly Score[];
  /** The same numbers give the same example. */
  sample(rng: Rng, size: Size<C>): Example;
}

/** Ids that a model wrote, and those that are right. */
export interface Answered {
  answer: readonly number[];
  right: readonly number[];
}

export const defineTask = <C>(task: Task<C>): Task<C> => task;

/** The share of scored places that guesses among the answers get right. */
export const chance = <C>(task: Task<C>, c: C): number => 1 / task.answers(c).length;

/** 0 … count − 1. */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, id) => id);

/** Symbols drawn one by one, uniformly. */
export const drawSymbols = (rng: Rng, length: number, symbols: number): number[] =>
  Array.from({ length }, () => rng.below(symbols));

/** What is read, and what is right at each place; undefined where nothing is scored. */
export function labelled(inputs: readonly number[], targets: readonly (number | undefined)[]): Example {
  return {
    inputs: Int32Array.from(inputs),
    targets: Int32Array.from(targets, (target) => target ?? 0),
    mask: Uint8Array.from(targets, (target) => (target === undefined ? 0 : 1)),
  };
}

/** A sequence whose places predict the next one; `scored` says of which places (of the sequence) the prediction counts. */
export function predicted(sequence: readonly number[], scored: (place: number) => boolean): Example {
  const targets = sequence.slice(1).map((id, i) => (scored(i + 1) ? id : undefined));
  return labelled(sequence.slice(0, -1), targets);
}
