// Written by `npm run generate` from the components' declarations.
import { expertChoice } from "../channels/expert-choice.ts";
import { knowledge } from "../channels/knowledge.ts";
import { mlp } from "../channels/mlp.ts";
import { modalityExperts } from "../channels/modality-experts.ts";
import { moe } from "../channels/moe.ts";
import { neuralOde } from "../channels/neural-ode.ts";
import { none } from "../channels/none.ts";
import { productKeyMemory } from "../channels/product-key-memory.ts";
import { softMoe } from "../channels/soft-moe.ts";
import { squeezeExcite } from "../channels/squeeze-excite.ts";
import { swiglu } from "../channels/swiglu.ts";

export const channels = {
  "expert-choice": expertChoice,
  knowledge,
  mlp,
  "modality-experts": modalityExperts,
  moe,
  "neural-ode": neuralOde,
  none,
  "product-key-memory": productKeyMemory,
  "soft-moe": softMoe,
  "squeeze-excite": squeezeExcite,
  swiglu,
} as const;
