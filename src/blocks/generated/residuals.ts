// Written by `npm run generate` from the components' declarations.

export const residuals = {
} as const;
