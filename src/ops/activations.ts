import { type Tensor, where } from "../tensor/index.ts";
import { clamp } from "./elementary.ts";

/** x where it is not positive, else 0: keeps eˣ from overflowing in branches that are not taken. */
const negativePart = (x: Tensor): Tensor => where(x.greater(0), 0, x);

/** x if x > 0, else α(eˣ − 1). Clevert et al. 2015. */
export const elu = (x: Tensor, alpha = 1): Tensor => where(x.greater(0), x, negativePart(x).exp().sub(1).mul(alpha));

/** x if x > 0, else α(e^(x/α) − 1). Barron 2017. */
export const celu = (x: Tensor, alpha = 1): Tensor =>
  where(x.greater(0), x, negativePart(x).div(alpha).exp().sub(1).mul(alpha));

/** λ·elu(x, α) with the self-normalising constants. Klambauer et al. 2017, eq. 14. */
export const selu = (x: Tensor): Tensor => elu(x, 1.6732632423543772).mul(1.0507009873554805);

/** x if x > 0, else slope·x; the slope may be a tensor that broadcasts (PReLU, He et al. 2015). */
export const leakyRelu = (x: Tensor, slope: number | Tensor = 0.01): Tensor =>
  where(x.greater(0), x, negativePart(x).mul(slope));

/** min(max(x, 0), 6). */
export const relu6 = (x: Tensor): Tensor => clamp(x, { min: 0, max: 6 });

/** max(x, 0)². So et al. 2021 (Primer). */
export const reluSquared = (x: Tensor): Tensor => x.relu().square();

/** clip(x/6 + 1/2, 0, 1). */
export const hardSigmoid = (x: Tensor): Tensor => clamp(x, { min: -3, max: 3 }).div(6).add(0.5);

/** x·clip(x + 3, 0, 6)/6. Howard et al. 2019. */
export function hardSwish(x: Tensor): Tensor {
  const outside = x.lessEqual(-3).or(x.greaterEqual(3));
  const inner = where(outside, 0, x);
  return where(outside, x.mul(where(x.less(0), 0, 1)), inner.mul(inner.add(3)).div(6));
}

/** x if |x| > λ, else 0. */
export const hardShrink = (x: Tensor, lambda = 0.5): Tensor => where(x.abs().lessEqual(lambda), 0, x);

/** x drawn towards 0 by λ. */
export const softShrink = (x: Tensor, lambda = 0.5): Tensor =>
  where(x.abs().lessEqual(lambda), 0, x.sub(x.sign().stopGradient().mul(lambda)));

export const tanhShrink = (x: Tensor): Tensor => x.sub(x.tanh());

/** x/(1 + |x|). */
export const softSign = (x: Tensor): Tensor => x.div(x.abs().add(1));

/** x·tanh(log(1 + eˣ)). Misra 2019. */
export const mish = (x: Tensor): Tensor => x.mul(x.softplus().tanh());

/** x if x > threshold, else value. */
export const threshold = (x: Tensor, limit: number, value: number): Tensor => where(x.lessEqual(limit), value, x);

/** log(1 + e^(βx))/β, and x itself where βx > threshold. */
export const softplusBeta = (x: Tensor, { beta = 1, threshold: limit = 20 } = {}): Tensor => {
  const linear = x.mul(beta).greater(limit);
  return where(linear, x, where(linear, 0, x).mul(beta).softplus().div(beta));
};

/** The first half of an axis times the sigmoid of the second. Dauphin et al. 2017. */
export function glu(x: Tensor, axis = -1): Tensor {
  const half = x.dim(axis) / 2;
  return x.slice(axis, 0, half).mul(x.slice(axis, half).sigmoid());
}

/** softmax(−x). */
export const softmin = (x: Tensor, axis = -1): Tensor => x.neg().softmax(axis);
