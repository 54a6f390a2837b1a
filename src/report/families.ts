/**
 * Mixer families: what shares a colour, in lines, legends and diagrams alike.
 * The hues keep an OKLab distance of 0.1 or more under protanopia, deuteranopia and tritanopia (a test measures it), and 3:1 against the page.
 */
interface FamilyColor {
  title: string;
  light: string;
  dark: string;
}

export const FAMILIES = {
  attention: { title: "attention", light: "#3549c8", dark: "#6683fb" },
  "state-space": { title: "state space", light: "#cf6e12", dark: "#f3661a" },
  "linear-attention": { title: "linear attention", light: "#1c9a91", dark: "#79c79d" },
  xlstm: { title: "xLSTM", light: "#a571f6", dark: "#c39fff" },
  recurrent: { title: "recurrent", light: "#84106a", dark: "#b27a9b" },
  "continuous-time": { title: "continuous time", light: "#655200", dark: "#f6cf3a" },
  hybrid: { title: "hybrid", light: "#1b1f24", dark: "#f0eee8" },
  other: { title: "other", light: "#7a828c", dark: "#969da7" },
} as const satisfies Record<string, FamilyColor>;

export type Family = keyof typeof FAMILIES;

/** Families of the mixers that exist; a kind that is not listed is "other" until it gets its line. */
const FAMILY_OF_MIXER: Readonly<Record<string, Family>> = {
  attention: "attention",
  crossattention: "attention",
  differentialattention: "attention",
  forgettingattention: "attention",
  mla: "attention",
  longformer: "attention",
  reformer: "attention",
  mamba: "state-space",
  mamba2: "state-space",
  s4: "state-space",
  s4d: "state-space",
  s5: "state-space",
  gss: "state-space",
  h3: "state-space",
  hyena: "state-space",
  deltanet: "linear-attention",
  gateddeltanet: "linear-attention",
  gateddeltanet2: "linear-attention",
  gateddeltaproduct: "linear-attention",
  kda: "linear-attention",
  gla: "linear-attention",
  gsa: "linear-attention",
  linearattention: "linear-attention",
  lightningattention: "linear-attention",
  performer: "linear-attention",
  retention: "linear-attention",
  rwkv4: "linear-attention",
  rwkv5: "linear-attention",
  rwkv6: "linear-attention",
  rwkv7: "linear-attention",
  mlstm: "xlstm",
  mlstm7b: "xlstm",
  slstm: "xlstm",
  rnn: "recurrent",
  lstm: "recurrent",
  gru: "recurrent",
  mingru: "recurrent",
  minlstm: "recurrent",
  hgrn: "recurrent",
  lru: "recurrent",
  rglru: "recurrent",
  cfc: "continuous-time",
  cfcwired: "continuous-time",
  ltc: "continuous-time",
  odernn: "continuous-time",
  neuralcde: "continuous-time",
};

export function familyOfMixer(kind: string): Family {
  const key = kind.toLowerCase().replace(/[^a-z0-9]/g, "");
  return Object.hasOwn(FAMILY_OF_MIXER, key) ? (FAMILY_OF_MIXER[key] ?? "other") : "other";
}

/** The family of a whole stack: that of its mixers, or hybrid where they differ. */
export function familyOfStack(mixerKinds: readonly string[]): Family {
  const families = new Set(mixerKinds.map(familyOfMixer));
  const [only] = families;
  return families.size > 1 ? "hybrid" : (only ?? "other");
}

/** CSS value by which both the page and its figures name the colour. */
export function colorOf(family: Family): string {
  return `var(--${family})`;
}
