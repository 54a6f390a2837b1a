let given = 0;

/** A beginning of names that no other decoder's values in an engine have. */
export const nextPrefix = (): string => `generate.${given++}/`;
