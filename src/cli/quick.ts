/** What `seqlab compare --quick` (and so `npm start`) trains: small and short enough to end within minutes on two cores. */
export const quickSettings = {
  tokenizer: "bpe",
  entries: "1024",
  size: "params=0.48M",
  budget: "tokens=120k",
  seeds: "2",
  batch: "4",
  length: "128",
  "learning-rate": "0.008",
} as const;

/** Context lengths, in tokens, at which a quick look times decoding. */
export const quickContexts = [1024, 4096];

export const quickCaveat = "A quick look ranks learning speed, not final quality.";

/** A comparison of about an hour: nine models, two seeds, three minutes of training each. */
export const hourLong = ["compare", "--size", "params=0.5M", "--budget", "minutes=3", "--seeds", "2"] as const;
