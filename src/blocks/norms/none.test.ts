import { normSuite } from "../../testing/index.ts";
import { none } from "./none.ts";

normSuite(none, { configs: [{}], naive: ({ x }) => ({ y: x }) });
