import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { shortConv as convolved, matrixFrom, times } from "./plain-loops.ts";
import { shortConv } from "./short-conv.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof shortConv.config.parse>,
  ReturnType<typeof shortConv.dims>,
  ReturnType<typeof shortConv.params>,
  ReturnType<typeof shortConv.state>
>;

function sequence(x: number[][], { p, d }: Pick<At, "p" | "d">, stored: Loose | undefined) {
  const past = matrixFrom(stored, d.D, d.W - 1);
  const y = x.map((token) => {
    const gate = times(token, p.inputGate, p.inputGateBias);
    const values = times(token, p.values, p.valuesBias);
    const u = convolved(
      gate.map((b, i) => b * values[i]!),
      past,
      p.conv,
      p.convBias,
    );
    const last = times(token, p.outputGate, p.outputGateBias);
    return times(
      u.map((value, i) => value * last[i]!),
      p.out,
      p.outBias,
    );
  });
  return { y, past };
}

mixerSuite(shortConv, {
  configs: [{}, { conv: 4, bias: true }],
  width: 6,
  naive: ({ x, p, d, s }: At) => {
    const results = x.map((rows, b) => sequence(rows, { p, d }, s?.conv[b]));
    return { y: results.map(({ y }) => y), s: { conv: results.map(({ past }) => past) } };
  },
});
