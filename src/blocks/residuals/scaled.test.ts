import { residualSuite } from "../../testing/index.ts";
import { scaled } from "./scaled.ts";

residualSuite(scaled, {
  configs: [{}, { scale: 0.5 }, { skip: 1.5 }],
  naive: ({ x, y, c }) =>
    x.map((row, b) => row.map((token, t) => token.map((v, i) => c.skip * v + c.scale * y[b]![t]![i]!))),
});
