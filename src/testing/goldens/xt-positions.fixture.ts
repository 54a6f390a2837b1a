import { learned } from "../../blocks/positions/learned.ts";
import { sinusoidal } from "../../blocks/positions/sinusoidal.ts";
import { iota, type Tensor, zeros } from "../../tensor/index.ts";
import type { GoldenGraph } from "./adapter.ts";
import { storedIo, storedWeight } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";

/** x-transformers' position tables by themselves: rows over √D, or sinusoids in halves times a learned scale. */
export function embeddingPositions(c: GoldenCase): GoldenGraph {
  const [tokens, D] = [c.number("T"), c.number("dim")];
  const [x, positions, at] = [zeros([1, tokens, D]), iota(tokens).unsqueeze(0), { b: {}, io: storedIo() }];
  const table = (y: Tensor) => y.squeeze(0);
  if (c.text("stack") === "absolute") {
    const unit = c.flag("l2");
    const config = learned.config.parse({ max: c.number("max"), unit });
    const p = { table: storedWeight(c.tensor("param.emb.weight")) };
    const y = learned.embed!(x, positions, { ...at, c: config, d: { D, positions: config.max }, p });
    return { outputs: { "out.y": unit ? table(y) : table(y).div(D ** 0.5) } };
  }
  const config = sinusoidal.config.parse({ layout: "halves" });
  const y = table(sinusoidal.embed!(x, positions, { ...at, c: config, d: sinusoidal.dims(config, D), p: {} }));
  return { outputs: { "out.y": y.mul(c.tensor("param.scale")) } };
}
