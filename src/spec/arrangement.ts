import { type LayerSpec, type ModelSpec, normSites, type SublayerSpec, slots, sublayersOf } from "../model/index.ts";
import { fail } from "../tensor/index.ts";

/** Order and sublayers of a layer fit together. `where` names the layer. */
export function assertArrangement(layer: LayerSpec, where: string): void {
  const { order, sublayers = {} } = layer;
  const usual = sublayersOf(withoutOrder(layer));
  for (const [name, options] of Object.entries(sublayers)) assertSublayer(name, options, { usual, layer, where });
  const further = Object.keys(sublayers).filter((name) => !isSlot(name));
  const all = [...usual, ...further];
  const got = order ?? usual;
  if (got.toSorted().join() === all.toSorted().join()) return;
  fail({
    code: "E_SPEC_ORDER",
    where: `${where}.order`,
    expected: `each of ${all.join(", ")} once`,
    got: order === undefined ? "nothing" : got.join(", "),
    ...(order === undefined && { hint: `Say where they stand, such as "order": ${JSON.stringify(all)}.` }),
  });
}

const isSlot = (name: string): boolean => (slots as readonly string[]).includes(name);

function withoutOrder({ order: _, ...layer }: LayerSpec): LayerSpec {
  return layer;
}

interface At {
  usual: readonly string[];
  layer: LayerSpec;
  where: string;
}

/** A sublayer computes one thing, and those that are added together share what stands around their sum. */
function assertSublayer(name: string, options: SublayerSpec, { usual, layer, where }: At): void {
  const reject = (key: string, expected: string, got: string) =>
    fail({ code: "E_SPEC_SUBLAYER", where: `${where}.sublayers.${name}${key}`, expected, got });
  const parts = [options.mixer, options.channel].filter((one) => one !== undefined);
  if (isSlot(name) && parts.length > 0)
    reject("", `norm, placement or residual, as the part stands in the layer's "${name}"`, `a ${parts[0]!.kind}`);
  if (isSlot(name) && !usual.includes(name))
    reject("", `options of a sublayer that there is (${usual.join(", ")})`, name);
  if (!isSlot(name) && parts.length !== 1) reject("", '"mixer" or "channel"', parts.length === 0 ? "neither" : "both");
  if (!isSlot(name) && suffixed(name)) reject("", "a name without Norm or Residual at its end", name);
  if (layer.wiring === undefined) return;
  const own = (["placement", "residual", "norm"] as const).find(
    (key) => options[key] !== undefined && !(key === "norm" && layer.wiring === "parallel-norms"),
  );
  if (own) reject(`.${own}`, `the layer's own, as ${layer.wiring} sublayers are added together`, "another");
}

/** Such names are those of norms and residuals beside the sublayers. */
const suffixed = (name: string): boolean => /(Norm|Residual|Streams)$/.test(name);

/** Several streams leave nothing for residuals, norms behind sums and earlier outputs to act on. */
export function assertStreams(
  { streams, history, rounds, layers }: Pick<ModelSpec, "streams" | "history" | "rounds" | "layers">,
  where: string,
): void {
  if (streams === undefined) return;
  const reject = (at: string, expected: string, got: string) =>
    fail({
      code: "E_SPEC_STREAMS",
      where: `${where}${at}`,
      expected: `${expected} beside ${streams.kind} streams`,
      got,
    });
  if (history) reject("history", "none", history.kind);
  if (rounds) reject("rounds", "no step and no halt", rounds.halt ? "a halt" : "a step");
  layers.forEach((layer, index) => {
    for (const [key, own] of [["", layer] as const, ...Object.entries(layer.sublayers ?? {})]) {
      const at = `layers[${index}]${key === "" ? "" : `.sublayers.${key}`}`;
      if (own.residual !== undefined && own.residual.kind !== "add")
        reject(`${at}.residual`, '"add"', own.residual.kind);
      const sums = (normSites[own.placement ?? "none"] as readonly string[]).includes("sum");
      if (sums) reject(`${at}.placement`, "no norm behind a sum", own.placement!);
    }
  });
}
