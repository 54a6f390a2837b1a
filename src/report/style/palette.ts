/** Colours as CSS variables: light, dark by the reader's preference, and light again on paper. */
import { FAMILIES, type Family } from "../families.ts";

/** Text and surfaces; `muted` keeps 4.5:1 on `paper` and `panel` (a test measures it). */
export const SURFACES = {
  light: {
    paper: "#fdfcf9",
    panel: "#f5f3ed",
    ink: "#1b1f24",
    muted: "#5a616a",
    rule: "#e0dcd2",
    accent: "#3549c8",
    warn: "#fbf0d9",
    "warn-ink": "#5c4300",
  },
  dark: {
    paper: "#14171c",
    panel: "#1c2027",
    ink: "#ece9e2",
    muted: "#a4abb5",
    rule: "#313741",
    accent: "#93a7ff",
    warn: "#332a14",
    "warn-ink": "#f3d792",
  },
} as const;

export function paletteStyle(): string {
  return `:root { color-scheme: light dark; ${variables("light")} }
@media (prefers-color-scheme: dark) { :root { ${variables("dark")} } }
@media print { :root { color-scheme: light; ${variables("light")} --paper: #fff; } }`;
}

function variables(theme: "light" | "dark"): string {
  const families = (Object.keys(FAMILIES) as Family[]).map((family) => `--${family}: ${FAMILIES[family][theme]};`);
  return [...Object.entries(SURFACES[theme]).map(([name, color]) => `--${name}: ${color};`), ...families].join(" ");
}
