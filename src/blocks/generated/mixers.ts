// Written by `npm run generate` from the components' declarations.
import { attention } from "../mixers/attention.ts";
import { cfc } from "../mixers/cfc.ts";
import { deltanet } from "../mixers/deltanet.ts";
import { gatedDeltanet } from "../mixers/gated-deltanet.ts";
import { gla } from "../mixers/gla.ts";
import { gru } from "../mixers/gru.ts";
import { linearAttention } from "../mixers/linear-attention.ts";
import { lru } from "../mixers/lru.ts";
import { lstm } from "../mixers/lstm.ts";
import { ltc } from "../mixers/ltc.ts";
import { mamba } from "../mixers/mamba.ts";
import { mamba2 } from "../mixers/mamba-2.ts";
import { minGru } from "../mixers/min-gru.ts";
import { minLstm } from "../mixers/min-lstm.ts";
import { mlstm } from "../mixers/mlstm.ts";
import { mlstm7b } from "../mixers/mlstm-7b.ts";
import { retention } from "../mixers/retention.ts";
import { rgLru } from "../mixers/rg-lru.ts";
import { rnn } from "../mixers/rnn.ts";
import { rwkv4 } from "../mixers/rwkv-4.ts";
import { rwkv5 } from "../mixers/rwkv-5.ts";
import { rwkv6 } from "../mixers/rwkv-6.ts";
import { rwkvChannelMix } from "../mixers/rwkv-channel-mix.ts";
import { s4 } from "../mixers/s4.ts";
import { s4d } from "../mixers/s4d.ts";
import { s5 } from "../mixers/s5.ts";
import { slstm } from "../mixers/slstm.ts";

export const mixers = {
  attention,
  cfc,
  deltanet,
  "gated-deltanet": gatedDeltanet,
  gla,
  gru,
  "linear-attention": linearAttention,
  lru,
  lstm,
  ltc,
  mamba,
  "mamba-2": mamba2,
  "min-gru": minGru,
  "min-lstm": minLstm,
  mlstm,
  "mlstm-7b": mlstm7b,
  retention,
  "rg-lru": rgLru,
  rnn,
  "rwkv-4": rwkv4,
  "rwkv-5": rwkv5,
  "rwkv-6": rwkv6,
  "rwkv-channel-mix": rwkvChannelMix,
  s4,
  s4d,
  s5,
  slstm,
} as const;
