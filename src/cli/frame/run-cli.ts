import { runCommand } from "citty";
import { packageVersion } from "../../analysis/index.ts";
