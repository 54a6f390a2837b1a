/**
 * A small English whose every sentence has one tree, though words alone do not tell it: `left` is adjective and verb, `saw`,
 * `felt` and `ground` are nouns and verbs. Phrases with `of` belong to the noun in front of them, those with `with` to the
 * nearest verb that has none yet; a relative clause ends at its comma.
 */
import type { Grammar } from "./grammar.ts";

const rule = (weight: number, to: string) => ({ to: to.split(" "), weight });

export const smallEnglish: Grammar = {
  start: "sentence",
  rules: {
    sentence: [rule(1, "NP VP stop")],
    S: [rule(1, "NP VP")],
    NP: [
      rule(3, "name"),
      rule(4, "det noun"),
      rule(2, "det adjective noun"),
      rule(2, "core of"),
      rule(1, "core which"),
    ],
    core: [rule(2, "det noun"), rule(1, "det adjective noun")],
    of: [rule(1, "nounPreposition NP")],
    which: [rule(1, "comma relative VP comma")],
    VP: [
      ...[rule(2, "intransitive"), rule(4, "transitive NP"), rule(2, "transitive NP PP")],
      ...[rule(1, "intransitive PP"), rule(2, "saying that")],
    ],
    PP: [rule(1, "verbPreposition NP")],
    that: [rule(1, "complementizer S")],
  },
  labels: { sentence: "S", core: "NP", of: "PP", which: "SBAR", that: "SBAR" },
  classes: {
    name: ["Ann", "Bob", "Eve", "Max", "Sue"],
    det: ["the", "a", "every"],
    noun: ["dog", "cat", "man", "song", "boat", "saw", "felt", "ground"],
    adjective: ["old", "red", "small", "left"],
    intransitive: ["slept", "waited", "sang", "left"],
    transitive: ["saw", "felt", "ground", "chased", "left"],
    saying: ["said", "thought", "knew"],
    nounPreposition: ["of", "about"],
    verbPreposition: ["with", "near", "during"],
    relative: ["which"],
    complementizer: ["that"],
    comma: [","],
    stop: ["."],
  },
};
