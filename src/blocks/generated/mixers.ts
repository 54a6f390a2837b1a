// Written by `npm run generate` from the components' declarations.
import { attention } from "../mixers/attention.ts";
import { baseConv } from "../mixers/base-conv.ts";
import { cfc } from "../mixers/cfc.ts";
import { convGlu } from "../mixers/conv-glu.ts";
import { deltanet } from "../mixers/deltanet.ts";
import { dilatedConv } from "../mixers/dilated-conv.ts";
import { fnet } from "../mixers/fnet.ts";
import { forgettingAttention } from "../mixers/forgetting-attention.ts";
import { gatedDeltanet } from "../mixers/gated-deltanet.ts";
import { gatedDeltaproduct } from "../mixers/gated-deltaproduct.ts";
import { gateloop } from "../mixers/gateloop.ts";
import { gla } from "../mixers/gla.ts";
import { gmlp } from "../mixers/gmlp.ts";
import { gru } from "../mixers/gru.ts";
import { gsa } from "../mixers/gsa.ts";
import { h3 } from "../mixers/h3.ts";
import { hgrn } from "../mixers/hgrn.ts";
import { hyena } from "../mixers/hyena.ts";
import { kda } from "../mixers/kda.ts";
import { lightningAttention } from "../mixers/lightning-attention.ts";
import { linearAttention } from "../mixers/linear-attention.ts";
import { linformer } from "../mixers/linformer.ts";
import { lru } from "../mixers/lru.ts";
import { lstm } from "../mixers/lstm.ts";
import { ltc } from "../mixers/ltc.ts";
import { mamba } from "../mixers/mamba.ts";
import { mamba2 } from "../mixers/mamba-2.ts";
import { minGru } from "../mixers/min-gru.ts";
import { minLstm } from "../mixers/min-lstm.ts";
import { mlstm } from "../mixers/mlstm.ts";
import { mlstm7b } from "../mixers/mlstm-7b.ts";
import { performer } from "../mixers/performer.ts";
import { pooling } from "../mixers/pooling.ts";
import { retention } from "../mixers/retention.ts";
import { rgLru } from "../mixers/rg-lru.ts";
import { rnn } from "../mixers/rnn.ts";
import { rwkv4 } from "../mixers/rwkv-4.ts";
import { rwkv5 } from "../mixers/rwkv-5.ts";
import { rwkv6 } from "../mixers/rwkv-6.ts";
import { rwkv7 } from "../mixers/rwkv-7.ts";
import { rwkvChannelMix } from "../mixers/rwkv-channel-mix.ts";
import { s4 } from "../mixers/s4.ts";
import { s4d } from "../mixers/s4d.ts";
import { s5 } from "../mixers/s5.ts";
import { shortConv } from "../mixers/short-conv.ts";
import { slstm } from "../mixers/slstm.ts";
import { tokenLinear } from "../mixers/token-linear.ts";
import { tokenMlp } from "../mixers/token-mlp.ts";

export const mixers = {
  attention,
  "base-conv": baseConv,
  cfc,
  "conv-glu": convGlu,
  deltanet,
  "dilated-conv": dilatedConv,
  fnet,
  "forgetting-attention": forgettingAttention,
  "gated-deltanet": gatedDeltanet,
  "gated-deltaproduct": gatedDeltaproduct,
  gateloop,
  gla,
  gmlp,
  gru,
  gsa,
  h3,
  hgrn,
  hyena,
  kda,
  "lightning-attention": lightningAttention,
  "linear-attention": linearAttention,
  linformer,
  lru,
  lstm,
  ltc,
  mamba,
  "mamba-2": mamba2,
  "min-gru": minGru,
  "min-lstm": minLstm,
  mlstm,
  "mlstm-7b": mlstm7b,
  performer,
  pooling,
  retention,
  "rg-lru": rgLru,
  rnn,
  "rwkv-4": rwkv4,
  "rwkv-5": rwkv5,
  "rwkv-6": rwkv6,
  "rwkv-7": rwkv7,
  "rwkv-channel-mix": rwkvChannelMix,
  s4,
  s4d,
  s5,
  "short-conv": shortConv,
  slstm,
  "token-linear": tokenLinear,
  "token-mlp": tokenMlp,
} as const;
