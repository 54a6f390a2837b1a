import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { fail } from "../../src/tensor/index.ts";

/** Loads a package from the folder named by `SEQLAB_BENCH_JS`; the project itself does not depend on the peers. */
export async function importPeer<T>(name: string): Promise<{ module: T; version: string }> {
  const require = peerRequire();
  const module = (await import(pathToFileURL(require.resolve(name)).href)) as T;
  return { module, version: peerVersion(name) };
}

/** The version installed there. */
export function peerVersion(name: string): string {
  return (peerRequire()(`${name}/package.json`) as { version: string }).version;
}

function peerRequire(): NodeJS.Require {
  const folder = process.env.SEQLAB_BENCH_JS;
  if (folder) return createRequire(join(resolve(folder), "package.json"));
  fail({ code: "E_BENCH_JS", where: "SEQLAB_BENCH_JS", expected: "a folder with installed npm packages", got: "nothing" });
}
