import { fail, type Tensor } from "../tensor/index.ts";
import type { Extras } from "./layer.ts";
import type { TraceContext } from "./model.ts";
import { assertUnshaped } from "./reshape.ts";
import type { EncoderSpec, ModelSpec } from "./spec.ts";
import { buildStack, embed, runStack, type Stack } from "./stack.ts";

/** The stack that reads the source, and which of its states start the decoder's. */
export interface Encoder {
  stack: Stack;
  /** Decoder state path → encoder state path. */
  bridge: ReadonlyMap<string, string>;
}

export function buildEncoder(
  spec: ModelSpec,
  { encoder, vocabulary, decoder }: { encoder: EncoderSpec; vocabulary: number; decoder: Stack },
): Encoder {
  const { positions: _, norm, ...token } = spec.embedding;
  const stack = buildStack(
    { ...encoder, embedding: { ...(encoder.embedding ?? token), positions: encoder.positions, ...(norm && { norm }) } },
    { vocabulary, width: spec.width, prefix: "encoder.", shared: encoder.embedding ? undefined : "embedding" },
  );
  const { width, stride } = stack.reshape;
  assertUnshaped("encoder.layers", width !== spec.width || stride !== 1, "what reads the encoder");
  return { stack, bridge: encoder.bridge === "state" ? bridgeOf(stack, decoder, spec) : new Map() };
}

/** Pairs the states of equal layers. Throws E_SPEC_BRIDGE where the two stacks differ. */
function bridgeOf(encoder: Stack, decoder: Stack, { name }: ModelSpec): Map<string, string> {
  const entries = decoder.layers.flatMap(({ mixer: { part } }, i): [string, string][] => {
    const other = encoder.layers[i]?.mixer.part;
    const states = Object.keys(part.component.state(part.d, part.c));
    const same = other && sameStates(part, other);
    if (!same) failBridge(name, i, { decoder: part.component.kind, encoder: other?.component.kind });
    return states.map((state) => [`${part.path}.${state}`, `${other.path}.${state}`]);
  });
  return new Map(entries);
}

type MixerPart = Stack["layers"][number]["mixer"]["part"];

/** Whether two mixers carry finite states of the same names and shapes. */
function sameStates(a: MixerPart, b: MixerPart): boolean {
  const [left, right] = [a, b].map(({ component, c, d }) => component.state(d, c));
  const text = JSON.stringify(left);
  return (
    text === JSON.stringify(right) &&
    !Object.values(left!).some((state) => typeof state === "object" && "axis" in state)
  );
}

function failBridge(name: string, index: number, got: { decoder: string; encoder: string | undefined }): never {
  fail({
    code: "E_SPEC_BRIDGE",
    where: `${name}: layers[${index}].mixer`,
    expected: `the encoder's layer ${index} with the same finite states, as "bridge": "state" requires`,
    got: `${got.decoder} here, ${got.encoder ?? "no layer"} there`,
    hint: 'Give both stacks the same recurrent mixers, or set "bridge": "none".',
  });
}

/** Reads the source: the context in which the decoder then runs, with the memory and the states that start it. */
export function encode(
  { stack, bridge }: Encoder,
  { ids_BS, mask_BS }: { ids_BS: Tensor; mask_BS?: Tensor },
  { spec, context, extras }: { spec: ModelSpec; context: TraceContext; extras: Extras },
): TraceContext {
  const { mask_BT: _m, positions_BT: _p, length_B: _l, memory: _o, ...io } = context.io;
  const own = { source: context.source, io: { ...io, ids_BT: ids_BS, ...(mask_BS && { mask_BT: mask_BS }) } };
  const { reshaped: _r, ...others } = extras;
  const inner: Extras = { ...others, state: {} };
  const run = { context: own, form: "forward", dropoutProb: spec.dropout, extras: inner } as const;
  const { x } = runStack(stack, embed(stack, ids_BS, run), run);
  const started = [...bridge].map(([to, from]) => [to, inner.state[from]!] as const);
  return {
    ...context,
    io: { ...context.io, memory: { x_BSD: x, ...(mask_BS && { mask_BS }) } },
    ...(started.length > 0 && { state: { ...context.state, ...Object.fromEntries(started) } }),
  };
}
