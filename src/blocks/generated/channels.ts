// Written by `npm run generate` from the components' declarations.

export const channels = {
} as const;
