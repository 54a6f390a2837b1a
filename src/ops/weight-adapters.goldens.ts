/** peft's adapters on one linear map; there maps are [out, in], here [in, out]. */
import type { Tensor } from "../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import {
  factors,
  hadamard,
  kroneckerProduct,
  lowRank,
  magnitudeAndDirection,
  randomProjection,
  reflections,
  rotations,
  skewOf,
  sparseSpectrum,
  type WeightAdapter,
} from "./weight-adapters.ts";

type Options = Readonly<Record<string, number | boolean | undefined>>;

const columns = (w: Tensor) => w.transpose([1, 0]);

function loraOf(c: GoldenCase, options: Options): WeightAdapter {
  const rank = Number(options.r);
  const scale = Number(options.lora_alpha) / (options.use_rslora ? Math.sqrt(rank) : rank);
  const map = (name: string) => columns(c.tensor(`param.a.lora_${name}.default.weight`));
  const change = lowRank({ down: map("A"), up: map("B"), scale });
  const magnitude = c.maybe("param.a.lora_magnitude_vector.default.weight");
  return magnitude ? magnitudeAndDirection(change, magnitude) : change;
}

function fourierOf(c: GoldenCase, options: Options): WeightAdapter {
  const indices = c.values("in.indices");
  const count = indices.length / 2;
  return sparseSpectrum(c.tensor("param.a.fourierft_spectrum.default"), {
    inputs: c.number("in"),
    outputs: c.number("out"),
    places: { outputs: indices.subarray(0, count), inputs: indices.subarray(count) },
    scale: Number(options.scaling),
  });
}

function lohaOf(c: GoldenCase, { r, alpha }: Options): WeightAdapter {
  const product = (i: 1 | 2) => ({
    down: columns(c.tensor(`param.a.hada_w${i}_b.default`)),
    up: columns(c.tensor(`param.a.hada_w${i}_a.default`)),
  });
  return hadamard(product(1), product(2), Number(alpha) / Number(r));
}

const methods: Readonly<Record<string, (c: GoldenCase, options: Options) => WeightAdapter>> = {
  Lora: loraOf,
  FourierFT: fourierOf,
  LoHa: lohaOf,
  LoKr: (c, { r, alpha }) =>
    kroneckerProduct(
      columns(c.tensor("param.a.lokr_w1.default")),
      columns(c.tensor("param.a.lokr_w2.default")),
      Number(alpha) / Number(r),
    ),
  IA3: (c) => {
    const scale = c.tensor("param.a.ia3_l.default");
    return factors(scale.reshape([-1]), scale.dim(0) === 1 ? "inputs" : "outputs");
  },
  HRA: (c) => reflections(c.tensor("param.a.hra_u.default")),
  OFT: (c, { oft_block_size: size }) => rotations(skewOf(c.tensor("param.a.oft_R.default.weight"), Number(size))),
  Vera: (c) =>
    randomProjection({
      down: columns(c.tensor("param.a.vera_A.default")),
      up: columns(c.tensor("param.a.vera_B.default")),
      rank: c.tensor("param.a.vera_lambda_d.default"),
      output: c.tensor("param.a.vera_lambda_b.default"),
    }),
};

function build(c: GoldenCase): GoldenGraph | Absent {
  const method = methods[c.text("method")];
  if (!method) return `absent: ${c.text("method")}`;
  const adapter = method(c, c.config.kwargs as Options);
  const x = c.tensor("in.x");
  const w = columns(c.tensor("param.a.base_layer.weight"));
  const y = adapter.apply(x, w);
  const merged = adapter.merge(w);
  const bias = c.tensor("param.a.base_layer.bias");
  return {
    outputs: {
      "out.y": y.add(adapter.offset?.(bias) ?? bias),
      "out.merged_weight": columns(merged),
      "out.merged_error": x.matmul(merged).sub(y).abs().max(),
    },
  };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "adapter", build }];
