/** Steps that BLEU's tokenizer 13a and TER's normalisation share (mteval-v13a.pl, tercom's Normalizer). */

// The ASCII signs except ' , - . and, as in mteval, the space.
const signs = /([{-~[-` -&(-+:-@/])/g;

/** XML's escapes, resolved one after another as mteval does: `&amp;lt;` ends as `<`. */
export const unescapeXml = (text: string): string =>
  text.replaceAll("&quot;", '"').replaceAll("&amp;", "&").replaceAll("&lt;", "<").replaceAll("&gt;", ">");

/** Sets ASCII signs apart. */
export const separateSigns = (text: string): string => text.replace(signs, " $1 ");

/** Sets full stops and commas apart, but not inside numbers, and dashes that follow a digit. */
export const separateStops = (text: string): string =>
  text
    .replace(/([^0-9])([.,])/gu, "$1 $2 ")
    .replace(/([.,])([^0-9])/gu, " $1 $2")
    .replace(/([0-9])(-)/g, "$1 $2 ");
