/** Reads a canonical spec as it comes out of JSON: tolerant, because a diagram of an odd spec is better than no report. */
import { type NormSite, normSites } from "../../model/index.ts";

export interface PartSpec {
  kind: string;
  /** Everything but `kind`, in the order of the spec. */
  options: Readonly<Record<string, unknown>>;
}

/** One part with its residual path and the norms around it. */
export interface SublayerSpec {
  /** A cross mixer reads the encoder's output. */
  role: "mixer" | "cross" | "channel";
  part: PartSpec;
  norm: PartSpec;
  /** Where the norm stands: on the part's input, on its output, on the sum behind it. */
  sites: readonly NormSite[];
  /** As the spec has it, such as pre. */
  placement: string;
  residual: PartSpec;
}

export interface LayerSpec {
  /** The token mixer by whose family the layer is coloured. */
  mixer: PartSpec;
  /** In the order of computation. */
  sublayers: SublayerSpec[];
  /** Whether all sublayers read the layer's input: through one norm, or each through its own. */
  wiring: "serial" | "parallel" | "parallel-norms";
  /** The layer whose weights this one has; absent where nobody shares them. */
  shared?: number;
}

/** The stack that reads the source. */
export interface EncoderSpec {
  embedding: PartSpec;
  layers: LayerSpec[];
  norm: PartSpec;
  /** Whether its final states start those of the decoder. */
  bridged: boolean;
}

export interface Architecture {
  width: number | null;
  embedding: PartSpec;
  encoder?: EncoderSpec;
  layers: LayerSpec[];
  norm: PartSpec;
  head: PartSpec;
  objective: PartSpec;
}

const NONE: PartSpec = { kind: "none", options: {} };
const MOST_LAYERS = 1000;

export function readArchitecture(canonical: Readonly<Record<string, unknown>>): Architecture {
  const { width, encoder } = canonical;
  return {
    width: typeof width === "number" ? width : null,
    embedding: readPart(canonical.embedding),
    ...(encoder !== undefined && encoder !== null && { encoder: readEncoder(asRecord(encoder), canonical) }),
    layers: readLayers(canonical.layers),
    norm: readPart(canonical.norm),
    head: readPart(canonical.head),
    objective: readPart(canonical.objective),
  };
}

function readEncoder(encoder: Record<string, unknown>, { embedding }: Readonly<Record<string, unknown>>): EncoderSpec {
  const { positions: _, norm: _n, ...token } = asRecord(embedding);
  const own = { ...asRecord(encoder.embedding ?? token), positions: encoder.positions };
  return {
    embedding: readPart(own),
    layers: readLayers(encoder.layers),
    norm: readPart(encoder.norm),
    bridged: encoder.bridge === "state",
  };
}

function readLayers(value: unknown): LayerSpec[] {
  const layers = Array.isArray(value) ? value.flatMap(readLayer).slice(0, MOST_LAYERS) : [];
  const lent = new Set(layers.map(({ shared }) => shared));
  return layers.map((layer, i) => (lent.has(i) ? { ...layer, shared: i } : layer));
}

/** One layer, or several where a spec was stored with its `repeat` still in it. */
function readLayer(value: unknown): LayerSpec[] {
  const fields = asRecord(value);
  const { repeat, weights, wiring } = fields;
  const layer: LayerSpec = {
    mixer: leading(readPart(fields.mixer)),
    sublayers: readSublayers(fields),
    wiring: wiring === "parallel" || wiring === "parallel-norms" ? wiring : "serial",
    ...(typeof weights === "number" && { shared: weights }),
  };
  return Array<LayerSpec>(
    typeof repeat === "number" && repeat > 1 ? Math.min(MOST_LAYERS, Math.floor(repeat)) : 1,
  ).fill(layer);
}

/** What runs in both directions has the colour of the mixer that runs. */
function leading(part: PartSpec): PartSpec {
  return part.kind === "bidirectional" ? readPart(part.options.mixer) : part;
}

function readSublayers(layer: Record<string, unknown>): SublayerSpec[] {
  const further = asRecord(layer.sublayers);
  const order = Array.isArray(layer.order) ? layer.order.map(String) : ["mixer", "cross", "channel"];
  return order.flatMap((name) => {
    const own = asRecord(further[name]);
    const [role, value] = roleOf(name, layer, own);
    const part = readPart(value);
    if (part.kind === "none" && role !== "mixer") return [];
    const placement = String(own.placement ?? layer.placement ?? "pre");
    const residual = own.residual ?? layer.residual;
    return {
      ...{ role, part, placement, norm: readPart(own.norm ?? layer.norm) },
      sites: Object.hasOwn(normSites, placement) ? normSites[placement as keyof typeof normSites] : normSites.pre,
      residual: residual === undefined ? { kind: "add", options: {} } : readPart(residual),
    };
  });
}

/** What stands under a name in the layer itself, or, for further sublayers, among these. */
function roleOf(
  name: string,
  layer: Record<string, unknown>,
  own: Record<string, unknown>,
): [SublayerSpec["role"], unknown] {
  if (name === "mixer" || name === "cross" || name === "channel") return [name, layer[name]];
  return own.mixer === undefined ? ["channel", own.channel] : ["mixer", own.mixer];
}

function readPart(value: unknown): PartSpec {
  if (typeof value === "string") return { kind: value, options: {} };
  const { kind, ...options } = asRecord(value);
  return typeof kind === "string" ? { kind, options } : { ...NONE, options };
}

export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
