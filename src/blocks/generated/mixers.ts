// Written by `npm run generate` from the components' declarations.
import { attention } from "../mixers/attention.ts";
import { cfc } from "../mixers/cfc.ts";
import { deltanet } from "../mixers/deltanet.ts";
import { gatedDeltanet } from "../mixers/gated-deltanet.ts";
import { gla } from "../mixers/gla.ts";
import { gru } from "../mixers/gru.ts";
import { linearAttention } from "../mixers/linear-attention.ts";
import { lstm } from "../mixers/lstm.ts";
import { mamba2 } from "../mixers/mamba-2.ts";
import { mlstm } from "../mixers/mlstm.ts";
import { retention } from "../mixers/retention.ts";
import { rnn } from "../mixers/rnn.ts";
import { slstm } from "../mixers/slstm.ts";

export const mixers = {
  attention,
  cfc,
  deltanet,
  "gated-deltanet": gatedDeltanet,
  gla,
  gru,
  "linear-attention": linearAttention,
  lstm,
  "mamba-2": mamba2,
  mlstm,
  retention,
  rnn,
  slstm,
} as const;
