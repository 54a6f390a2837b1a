// Written by `npm run generate` from the components' declarations.
import { attention } from "../mixers/attention.ts";
import { cfc } from "../mixers/cfc.ts";
import { gatedDeltanet } from "../mixers/gated-deltanet.ts";
import { lstm } from "../mixers/lstm.ts";
import { mamba2 } from "../mixers/mamba-2.ts";
import { mlstm } from "../mixers/mlstm.ts";
import { slstm } from "../mixers/slstm.ts";

export const mixers = {
  attention,
  cfc,
  "gated-deltanet": gatedDeltanet,
  lstm,
  "mamba-2": mamba2,
  mlstm,
  slstm,
} as const;
