import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fail } from "../../src/tensor/index.ts";

/** Loads a package from the folder named by `SEQLAB_BENCH_JS`: the project itself does not depend on its peers. */
export function loadPeer(name: string): { module: unknown; version: string; file: string } {
  const folder = peerFolder();
  const require = createRequire(join(folder, "package.json"));
  const module: unknown = require(name);
  const about = JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8")) as unknown;
  return { module, version: (about as { version: string }).version, file: require.resolve(name) };
}

function peerFolder(): string {
  const folder = process.env.SEQLAB_BENCH_JS;
  if (folder) return resolve(folder);
  fail({
    code: "E_BENCH_JS",
    where: "SEQLAB_BENCH_JS",
    expected: "a folder where the peer's npm packages are installed",
    got: "nothing",
  });
}
