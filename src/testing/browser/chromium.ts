import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { bundlePage } from "./bundle.ts";
import { servePage } from "./page-server.ts";

const usualPaths = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Path of a Chromium: the one that SEQLAB_CHROMIUM names, else one where it usually lies. */
export function findChromium(): string | undefined {
  const named = process.env["SEQLAB_CHROMIUM"];
  return [...(named === undefined ? [] : [named]), ...usualPaths].find((path) => existsSync(path));
}

/** Why tests in a page are skipped; undefined where they run. Printed, so that a skipped test does not pass for a run one. */
export function reasonToSkip(): string | undefined {
  if (findChromium() !== undefined) return undefined;
  const reason = "no Chromium found: set SEQLAB_CHROMIUM to its path";
  console.warn(`skipped: tests in a browser page (${reason})`);
  return reason;
}

/** WebGPU by SwiftShader, Chromium's software driver, which needs no GPU. */
const flags = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan,WebGPU",
];

/** What a page's entry module offers: functions of one JSON-like argument. */
type Calls = Readonly<Record<string, (argument: never) => unknown>>;

/** A loaded page. */
export interface TestPage<C extends Calls> {
  call<K extends keyof C & string>(name: K, argument: Parameters<C[K]>[0]): Promise<Awaited<ReturnType<C[K]>>>;
  close(): Promise<void>;
}

/** Bundles and opens a page whose entry module puts its functions into `globalThis.calls`. Throws where no Chromium is found. */
export async function openPage<C extends Calls>(entry: string): Promise<TestPage<C>> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error("no Chromium found");
  const server = await servePage(await bundlePage(entry));
  const browser = await chromium.launch({ executablePath, args: flags });
  const close = async () => {
    await browser.close();
    server.close();
  };
  try {
    const page = await loadedPage(browser, server.url);
    return { close, call: (name, argument) => page.evaluate(callInPage, { name, argument }) as Promise<never> };
  } catch (error) {
    await close();
    throw error;
  }
}

async function loadedPage(browser: Browser, url: string) {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(url);
  await page
    .waitForFunction(() => "calls" in globalThis, undefined, { timeout: 60_000 })
    .catch((error: unknown) => {
      throw new Error(`the page did not load: ${complaints.join("\n") || String(error)}`);
    });
  return page;
}

/** Runs in the page. */
function callInPage({ name, argument }: { name: string; argument: unknown }): unknown {
  return (globalThis as unknown as { calls: Record<string, (argument: unknown) => unknown> }).calls[name]!(argument);
}
