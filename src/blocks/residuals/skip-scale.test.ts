import { residualSuite } from "../../testing/index.ts";
import { skipScale } from "./skip-scale.ts";

residualSuite(skipScale, {
  configs: [{}, { skip: 0.5, branch: 0.1 }],
  naive: ({ x, y, p }) => {
    const [skip, branch] = [p.skip as number[], p.branch as number[] | undefined];
    return x.map((row, b) =>
      row.map((token, t) => token.map((v, i) => skip[i]! * v + (branch?.[i] ?? 1) * y[b]![t]![i]!)),
    );
  },
});
