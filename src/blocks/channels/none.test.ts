import { channelSuite } from "../../testing/index.ts";
import { none } from "./none.ts";

channelSuite(none, { configs: [{}], naive: ({ x }) => ({ y: x }) });
