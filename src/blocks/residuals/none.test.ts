import { residualSuite } from "../../testing/index.ts";
import { none } from "./none.ts";

residualSuite(none, { configs: [{}], naive: ({ y }) => y });
