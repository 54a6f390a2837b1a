import { scalar, where } from "../tensor/index.ts";
import { binary, opAdapters, unary } from "../testing/goldens/op-adapters.ts";
import * as activations from "./activations.ts";
import * as elementary from "./elementary.ts";
import { digamma, logGamma } from "./gamma.ts";
import { inverseErf } from "./inverse-erf.ts";

export const adapters = opAdapters({
  clamp: unary((x, c) =>
    elementary.clamp(x, {
      ...("min" in c.config && { min: c.number("min") }),
      ...("max" in c.config && { max: c.number("max") }),
    }),
  ),
  clamp_tensor: unary((x, c) => x.maximum(c.tensor("in.lo")).minimum(c.tensor("in.hi"))),
  expm1: unary(elementary.expm1),
  log1p: unary(elementary.log1p),
  exp2: unary(elementary.exp2),
  log2: unary(elementary.log2),
  rsqrt: unary(elementary.rsqrt),
  erfc: unary(elementary.erfc),
  trunc: unary(elementary.trunc),
  frac: unary(elementary.frac),
  sinc: unary(elementary.sinc),
  logit: unary((x, c) => elementary.logit(x, "eps" in c.config ? c.number("eps") : undefined)),
  hypot: binary(elementary.hypot),
  atan2: binary(elementary.atan2),
  logaddexp: binary(elementary.logAddExp),
  xlogy: binary(elementary.xlogy),
  lerp: binary((a, b, c) => elementary.lerp(a, b, c.tensor("in.w"))),
  remainder: binary(elementary.remainder),
  nan_to_num: unary((x, c) =>
    elementary.nanToNum(x, { nan: c.number("nan"), posinf: c.number("posinf"), neginf: c.number("neginf") }),
  ),
  pow_scalar: unary((x, c) => elementary.powerOf(x, c.number("exponent"))),
  scalar_pow: unary((x, c) => scalar(c.number("base")).pow(x)),
  masked_fill: unary((x, c) =>
    where(c.mask("in.mask"), c.config.value === "-inf" ? Number.NEGATIVE_INFINITY : c.number("value"), x),
  ),
  lgamma: unary(logGamma),
  digamma: unary(digamma),
  erfinv: unary(inverseErf),
  elu: unary((x, c) => activations.elu(x, c.number("alpha"))),
  celu: unary((x, c) => activations.celu(x, c.number("alpha"))),
  selu: unary(activations.selu),
  leaky_relu: unary((x, c) => activations.leakyRelu(x, c.number("negative_slope"))),
  prelu: unary((x, c) => activations.leakyRelu(x, c.tensor("param.weight").unsqueeze(-1))),
  relu6: unary(activations.relu6),
  relu_squared: unary(activations.reluSquared),
  hardsigmoid: unary(activations.hardSigmoid),
  hardswish: unary(activations.hardSwish),
  hardtanh: unary((x, c) => elementary.clamp(x, { min: c.number("min_val"), max: c.number("max_val") })),
  hardshrink: unary((x, c) => activations.hardShrink(x, c.number("lambd"))),
  softshrink: unary((x, c) => activations.softShrink(x, c.number("lambd"))),
  tanhshrink: unary(activations.tanhShrink),
  softsign: unary(activations.softSign),
  mish: unary(activations.mish),
  threshold: unary((x, c) => activations.threshold(x, c.number("threshold"), c.number("value"))),
  softplus: unary((x, c) => activations.softplusBeta(x, { beta: c.number("beta"), threshold: c.number("threshold") })),
  glu: unary((x, c) => activations.glu(x, c.number("axis"))),
  softmin: unary((x, c) => activations.softmin(x, c.number("axis"))),
});
