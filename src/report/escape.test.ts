import { describe, expect, it } from "vitest";
import { clipped, clippedMiddle, html, isolated, multiline, raw, visibleLine, visibleText } from "./escape.ts";

describe("visible text", () => {
  it("spells out control and direction characters", () => {
    expect(visibleLine("a\u0000b\u001b[31m\u202Ec\u2066\n\t\u007f\u0085")).toBe(
      String.raw`a\x00b\x1b[31m\u202ec\u2066\x0a\x09\x7f\x85`,
    );
  });

  it("keeps line breaks and tabs of samples, and letters of every script", () => {
    expect(visibleText("one\r\ntwo\tthree")).toBe("one\ntwo\tthree");
    expect(visibleLine("שלום مرحبا 鯨 🐋 e\u0301")).toBe("שלום مرحبا 鯨 🐋 e\u0301");
  });

  it("replaces unpaired surrogates and keeps pairs", () => {
    expect(visibleLine("\ud83d\udc0b\ud800")).toBe("🐋\uFFFD");
  });
});

describe("html", () => {
  it("escapes every string in text and attributes", () => {
    expect(html`<p title="${`"><script>`}">${"<b>&'"}</p>`.html).toBe(
      '<p title="&quot;&gt;&lt;script&gt;"> &lt;b&gt;&amp;&#39;</p>'.replace("> &lt;b", ">&lt;b"),
    );
  });

  it("inserts its own markup unchanged, joins lists, and drops what is absent", () => {
    expect(html`${raw("<i></i>")}${["a", html`<b>${"<"}</b>`]}${null}${false}${undefined}${0}`.html).toBe(
      "<i></i>a<b>&lt;</b>0",
    );
  });

  it("isolates names and keeps the breaks of samples", () => {
    expect(isolated("<x>").html).toBe("<bdi>&lt;x&gt;</bdi>");
    expect(multiline("a\n<b>\u0007").html).toBe(String.raw`a${"\n"}&lt;b&gt;\x07`);
  });
});

describe("clipping", () => {
  it("counts what a reader calls letters", () => {
    expect(clipped("👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 2)).toBe("👩‍👩‍👧‍👦…");
    expect(clipped("short", 5)).toBe("short");
  });

  it("keeps both ends of a name", () => {
    expect(clippedMiddle("gated-deltanet-large-v2", 17)).toBe("gated-de…large-v2");
  });
});
