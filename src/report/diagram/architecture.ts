/** Reads a canonical spec as it comes out of JSON: tolerant, because a diagram of an odd spec is better than no report. */

export interface PartSpec {
  kind: string;
  /** Everything but `kind`, in the order of the spec. */
  options: Readonly<Record<string, unknown>>;
}

export interface LayerSpec {
  mixer: PartSpec;
  channel: PartSpec;
  norm: PartSpec;
  placement: "pre" | "post";
  residual: PartSpec;
}

export interface Architecture {
  width: number | null;
  embedding: PartSpec;
  layers: LayerSpec[];
  norm: PartSpec;
  head: PartSpec;
  objective: PartSpec;
}

const NONE: PartSpec = { kind: "none", options: {} };

export function readArchitecture(canonical: Readonly<Record<string, unknown>>): Architecture {
  const layers = Array.isArray(canonical.layers) ? canonical.layers : [];
  const { width } = canonical;
  return {
    width: typeof width === "number" ? width : null,
    embedding: readPart(canonical.embedding),
    layers: layers.flatMap(readLayer),
    norm: readPart(canonical.norm),
    head: readPart(canonical.head),
    objective: readPart(canonical.objective),
  };
}

/** One layer, or several where a spec was stored with its `repeat` still in it. */
function readLayer(value: unknown): LayerSpec[] {
  const fields = asRecord(value);
  const layer: LayerSpec = {
    mixer: readPart(fields.mixer),
    channel: readPart(fields.channel),
    norm: readPart(fields.norm),
    placement: fields.placement === "post" ? "post" : "pre",
    residual: fields.residual === undefined ? { kind: "add", options: {} } : readPart(fields.residual),
  };
  const { repeat } = fields;
  return Array<LayerSpec>(typeof repeat === "number" && repeat > 1 ? Math.min(1000, Math.floor(repeat)) : 1).fill(
    layer,
  );
}

function readPart(value: unknown): PartSpec {
  if (typeof value === "string") return { kind: value, options: {} };
  const { kind, ...options } = asRecord(value);
  return typeof kind === "string" ? { kind, options } : { ...NONE, options };
}

export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
