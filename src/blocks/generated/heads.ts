// Written by `npm run generate` from the components' declarations.

export const heads = {
} as const;
