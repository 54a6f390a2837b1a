import type { Tensor } from "../tensor/index.ts";
import type { GoldenCase } from "../testing/goldens/golden-case.ts";
import { binary, opAdapters, unary } from "../testing/goldens/op-adapters.ts";
import { crossEntropy, nll, softCrossEntropy } from "./cross-entropy.ts";
import { ctcLoss } from "./ctc.ts";
import * as losses from "./losses.ts";

const reduced = (each: Tensor, c: GoldenCase) =>
  losses.reduceLoss(each, c.text("reduction", "mean") as losses.Reduction);

const pointwise = (f: (x: Tensor, target: Tensor, c: GoldenCase) => Tensor) =>
  unary((x, c) => reduced(f(x, c.tensor("in.target"), c), c));

/** A single sample [C] becomes a batch of one; ids are i32, probabilities f32. */
function crossEntropyCase(x: Tensor, c: GoldenCase): Tensor {
  const target = c.tensor("in.target");
  const options = {
    reduction: c.text("reduction") as losses.Reduction,
    smoothing: c.number("label_smoothing"),
    weights: c.maybe("param.weight"),
  };
  if (target.dtype === "f32") return softCrossEntropy(x, target, options);
  return crossEntropy(x, target, { ...options, ignore: c.number("ignore_index") });
}

function ctc(x: Tensor, c: GoldenCase): Tensor {
  const targetLengths = c.tensor("in.target_lengths");
  const inputs = {
    logProbs: x.logSoftmax(-1),
    targets: c.tensor("in.targets"),
    inputLengths: c.tensor("in.input_lengths"),
    targetLengths,
    blank: c.number("blank"),
  };
  const each = ctcLoss(inputs, { zeroInfinity: c.flag("zero_infinity") });
  return reduced(c.text("reduction") === "mean" ? each.div(targetLengths.maximum(1).cast("f32")) : each, c);
}

export const adapters = opAdapters({
  mse_loss: pointwise(losses.squaredError),
  l1_loss: pointwise(losses.absoluteError),
  huber_loss: pointwise((x, t, c) => losses.huber(x, t, c.number("delta"))),
  smooth_l1_loss: pointwise((x, t, c) => losses.smoothAbsolute(x, t, c.number("beta"))),
  bce: pointwise(losses.binaryCrossEntropy),
  bce_with_logits: pointwise((x, t, c) => {
    const each = losses.binaryCrossEntropyOfLogits(x, t, c.maybe("param.pos_weight"));
    return c.has("param.weight") ? each.mul(c.tensor("param.weight")) : each;
  }),
  kl_div: pointwise((x, t, c) => losses.klDivergence(x, t, { logTarget: c.flag("log_target") })),
  gaussian_nll: pointwise((x, t, c) =>
    losses.gaussianNll(x, t, { variance: c.tensor("in.var"), epsilon: c.number("eps"), full: c.flag("full") }),
  ),
  poisson_nll: pointwise((x, t, c) => losses.poissonNll(x, t, { logInput: c.flag("log_input") })),
  margin_ranking: binary((a, b, c) => losses.marginRanking(a, b, c.tensor("in.target"), c.number("margin")).mean()),
  multi_margin: pointwise((x, t, c) => losses.multiMargin(x, t, { margin: c.number("margin"), p: c.number("p") })),
  triplet_margin: (c) =>
    losses
      .tripletMargin(c.tensor("in.anchor"), c.tensor("in.positive"), c.tensor("in.negative"), {
        margin: c.number("margin"),
        p: c.number("p"),
        swap: c.flag("swap"),
      })
      .mean(),
  cross_entropy: unary(crossEntropyCase),
  nll_loss: unary((x, c) =>
    nll(x, c.tensor("in.target"), {
      reduction: c.text("reduction") as losses.Reduction,
      ignore: c.number("ignore_index"),
      weights: c.maybe("param.weight"),
    }),
  ),
  ctc_loss: unary(ctc),
});
