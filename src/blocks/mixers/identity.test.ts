import { mixerSuite } from "../../testing/index.ts";
import { identity } from "./identity.ts";

mixerSuite(identity, { configs: [{}], naive: ({ x }) => ({ y: x, s: {} }) });
