import { expect, test } from "vitest";
import { SessionCache } from "./session-cache.ts";

function cacheOf(idle: number) {
  const ended: string[] = [];
  const cache = new SessionCache<string>({ idle, end: async (session) => void ended.push(session) });
  return { cache, ended, get: (key: string) => cache.acquire(key, async () => `session ${key}`) };
}

test("users of one graph share a session, which stays open until the last of them has given it back", async () => {
  const { cache, ended, get } = cacheOf(0);
  expect(await get("a")).toBe(await get("a"));
  expect(cache.counts()).toEqual({ open: 1, idle: 0, created: 1 });
  await cache.release("a");
  expect([cache.counts().open, ended]).toEqual([1, []]);
  await cache.release("a");
  expect([cache.counts().open, ended]).toEqual([0, ["session a"]]);
  await cache.release("a");
  expect(ended).toHaveLength(1);
});

test("sessions without users wait; the one that waits for longest goes first, and one asked for again is not created anew", async () => {
  const { cache, ended, get } = cacheOf(2);
  for (const key of ["a", "b"]) {
    await get(key);
    await cache.release(key);
  }
  await get("a");
  await cache.release("a");
  expect(cache.counts()).toEqual({ open: 0, idle: 2, created: 2 });
  await get("c");
  expect(ended).toEqual([]);
  await cache.release("c");
  expect(ended).toEqual(["session b"]);
});

test("a session given back for good does not wait, and all end together", async () => {
  const { cache, ended, get } = cacheOf(2);
  await get("a");
  await cache.release("a", "end");
  expect(ended).toEqual(["session a"]);
  await get("b");
  await get("c");
  await cache.release("c");
  await cache.clear();
  expect(ended).toEqual(["session a", "session b", "session c"]);
  expect(cache.counts()).toEqual({ open: 0, idle: 0, created: 3 });
});
