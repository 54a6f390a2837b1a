import { build, type Plugin, type Rolldown } from "vite";

/** A page's modules by the path under which they refer to each other. */
export type PageModules = ReadonlyMap<string, string>;

const notInPages = /^node:|^onnxruntime-node$/;
const entryName = "page.js";

/** Leaves modules of Node to be dropped with whatever uses them; what the page does use is found afterwards. */
const withoutNode: Plugin = {
  name: "without-node",
  enforce: "pre",
  resolveId: (id) => (notInPages.test(id) ? { id, external: true, moduleSideEffects: false } : null),
};

/**
 * Bundles what a page needs of an entry module, ONNX Runtime Web excepted; the entry becomes `page.js`. Throws where
 * something that the page uses imports a module of Node.
 */
export async function bundlePage(entry: string): Promise<PageModules> {
  const { output } = (await build({
    configFile: false,
    logLevel: "error",
    plugins: [withoutNode],
    build: {
      write: false,
      minify: false,
      target: "esnext",
      modulePreload: false,
      rolldownOptions: {
        input: entry,
        external: /^onnxruntime-web/,
        output: { format: "es", entryFileNames: entryName },
      },
    },
  })) as Rolldown.RolldownOutput;
  const chunks = output.filter((file) => file.type === "chunk");
  const foreign = chunks.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports].filter(isOfNode));
  if (foreign.length > 0) throw new Error(`${entry}: a page cannot import ${[...new Set(foreign)].join(", ")}`);
  return new Map(chunks.map(({ fileName, code }) => [`/${fileName}`, code]));
}

const isOfNode = (specifier: string) => notInPages.test(specifier);
