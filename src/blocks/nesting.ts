/** Components inside components: the inner one's sizes and parameters are the outer one's under a prefix. */
type Fields<T> = Readonly<Record<string, T>>;

/** `a` as `prefix.a`. */
export function nest<T>(prefix: string, fields: Fields<T>): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${prefix}.${name}`, value]));
}

/** Those under the prefix, by their own names. */
export function unnest<T>(prefix: string, fields: Fields<T>): Record<string, T> {
  const start = `${prefix}.`;
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      name.startsWith(start) ? [[name.slice(start.length), value]] : [],
    ),
  );
}
