/** Where a node comes from: the part of a model that recorded it, and whether a gradient rule did. */
export interface Origin {
  /** Path of the part, such as `layers.0.mixer`; empty outside all parts. */
  readonly path: string;
  readonly pass: "forward" | "backward";
}

let current: Origin = { path: "", pass: "forward" };

export const currentOrigin = (): Origin => current;

/** Runs `record`, whose nodes then carry this origin. Calls nest: the innermost counts. */
export function withOrigin<T>(origin: Origin, record: () => T): T {
  const outer = current;
  current = origin;
  try {
    return record();
  } finally {
    current = outer;
  }
}

/** Like {@link withOrigin}, for the part at `path`. */
export const within = <T>(path: string, record: () => T): T => withOrigin({ path, pass: current.pass }, record);
