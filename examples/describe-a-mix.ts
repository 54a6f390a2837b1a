/** Any mixer with any channel mixer, layer by layer: what does the mix cost before it is trained? */
import { buildSpec, canonicalSpec, describeModel, type SpecInput } from "seqlab";

const mix: SpecInput = {
  name: "mix",
  width: 128,
  layers: {
    pattern: "recurrent*3 attention",
    parts: {
      recurrent: { mixer: { kind: "gated-deltanet", heads: 4 }, channel: { kind: "swiglu" } },
      attention: {
        mixer: { kind: "attention", heads: 4, positions: { kind: "rope" } },
        channel: { kind: "moe", experts: 4, topK: 2 },
      },
    },
  },
};

const { parameters, activeParameters, flops, stateBytes, layers } = describeModel(
  buildSpec(canonicalSpec(mix), { tokens: 1024 }),
);
console.log(`${parameters} parameters, of which ${activeParameters} act on one token`);
console.log(`${Math.round(flops.decode ?? 0)} FLOPs per decoded token behind ${flops.context} others`);
console.log("bytes of one sequence's state by context:", stateBytes);
for (const { path, mixer, channel } of layers) console.log(path, mixer, channel);
