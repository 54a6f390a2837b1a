import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PageModules } from "./bundle.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Without these a page gets no shared memory, and WebAssembly no threads. */
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
} as const;

const runtimeFolder = dirname(fileURLToPath(import.meta.resolve("onnxruntime-web/wasm")));
const runtimeModules = {
  "onnxruntime-web": "/ort/ort.min.mjs",
  "onnxruntime-web/wasm": "/ort/ort.wasm.min.mjs",
  "onnxruntime-web/webgpu": "/ort/ort.webgpu.min.mjs",
};

const html = `<!doctype html>
<title>seqlab</title>
<link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports: runtimeModules })}</script>
<script type="module" src="/page.js"></script>
`;

/** A page on the loopback interface: bundled modules, and ONNX Runtime Web from the installed package. */
export async function servePage(modules: PageModules): Promise<{ url: string; close(): void }> {
  const bodyOf = async (path: string): Promise<string | Uint8Array | undefined> => {
    if (path === "/") return html;
    if (!path.startsWith("/ort/")) return modules.get(path);
    return readFile(join(runtimeFolder, basename(path))).catch(() => undefined);
  };
  const server = createServer(async ({ url = "/" }, response) => {
    const { pathname } = new URL(url, "http://localhost");
    const body = await bodyOf(pathname);
    const type = types[pathname === "/" ? ".html" : extname(pathname)] ?? "application/octet-stream";
    response.writeHead(body === undefined ? 404 : 200, { ...isolation, "Content-Type": type }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}
