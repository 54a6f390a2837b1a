import { binary, opAdapters, unary } from "../testing/goldens/op-adapters.ts";
import { gelu, logSigmoid, silu, where } from "./functions.ts";
import { apply1, type Tensor } from "./tensor.ts";
import type { UnaryOp } from "./vocabulary.ts";

const plain = (op: UnaryOp) => unary((x: Tensor) => apply1(op, [x], {}));

export const adapters = opAdapters({
  abs: plain("abs"),
  acos: plain("acos"),
  asin: plain("asin"),
  asinh: plain("asinh"),
  atan: plain("atan"),
  atanh: plain("atanh"),
  ceil: plain("ceil"),
  cos: plain("cos"),
  cosh: plain("cosh"),
  erf: plain("erf"),
  exp: plain("exp"),
  floor: plain("floor"),
  log: plain("log"),
  neg: plain("neg"),
  reciprocal: plain("reciprocal"),
  round: plain("round"),
  sigmoid: plain("sigmoid"),
  sign: plain("sign"),
  sin: plain("sin"),
  sinh: plain("sinh"),
  sqrt: plain("sqrt"),
  tan: plain("tan"),
  tanh: plain("tanh"),
  square: unary((x) => x.square()),
  relu: unary((x) => x.relu()),
  silu: unary(silu),
  logsigmoid: unary(logSigmoid),
  gelu: unary((x, c) => gelu(x, c.text("approximate") === "tanh" ? "tanh" : "none")),
  softmax: unary((x, c) => x.softmax(c.number("axis"))),
  log_softmax: unary((x, c) => x.logSoftmax(c.number("axis"))),
  add: binary((a, b) => a.add(b)),
  sub: binary((a, b) => a.sub(b)),
  mul: binary((a, b) => a.mul(b)),
  div: binary((a, b) => a.div(b)),
  pow: binary((a, b) => a.pow(b)),
  fmod: binary((a, b) => a.mod(b)),
  maximum: binary((a, b) => a.maximum(b)),
  minimum: binary((a, b) => a.minimum(b)),
  where: binary((a, b, c) => where(c.mask("in.mask"), a, b)),
});
