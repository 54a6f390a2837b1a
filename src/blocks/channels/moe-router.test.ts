import { routerSuite } from "../../testing/index.ts";
import { moe } from "./moe.ts";
import { routings } from "./moe-routing.ts";

const two = { experts: 5, topK: 2, hidden: 4 } as const;

routerSuite(moe, {
  configs: [
    ...routings.map((routing) => ({ ...two, routing })),
    { ...two, topK: 1, routing: "topk-of-softmax", jitter: 0.1, capacityFactor: 0.8 },
    { ...two, capacityFactor: 0.6 },
    { ...two, capacityFactor: 0.6, order: "choices" },
    { ...two, capacityFactor: 0.6, order: "priority" },
    { ...two, routing: "noisy-topk", capacityFactor: 0.8 },
    { ...two, routing: "sinkhorn", capacityFactor: 0.8 },
    { ...two, experts: 6, routing: "sigmoid-topk-renormalise", groups: 3, keptGroups: 2, biasSpeed: 0.001, scale: 2 },
    { ...two, routerBias: true, expertBias: true, limit: 0.5, upOffset: 1 },
    { ...two, topK: 1, routing: "topk-of-sigmoid", weighting: "input", capacityFactor: 0.8 },
    { ...two, weighting: "straight-through", capacityFactor: 1 },
    { ...two, experts: 3, topK: 3, zeroExperts: 2, routing: "topk-of-softmax" },
    { ...two, experts: 3, topK: 3, zeroExperts: 2, routing: "topk-of-softmax", capacityFactor: 0.5 },
  ],
  facts: ({ experts, zeroExperts, routing, scale, topK, capacityFactor }) => ({
    experts: experts + zeroExperts,
    ...((routing.endsWith("renormalise") || routing === "noisy-topk") && { weightSum: scale }),
    ...(capacityFactor !== null && {
      slots: { experts, capacity: (tokens: number) => Math.ceil(((tokens * topK) / experts) * capacityFactor) },
    }),
  }),
  forms: [{ dispatch: "dense" }, { dispatch: "blocks" }, { dispatch: "auto" }],
});
