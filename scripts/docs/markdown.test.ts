import { expect, test } from "vitest";
import { anchors, blocks, links } from "./markdown.ts";

const text = `# Two \`words\`, & more

See [a](docs/a.md#part "title"), ![b](<b.png>), \`[no](no.md)\` and <img src="c.png">.

\`\`\`sh norun
npm ci
\`\`\`
## Same
[ref]: d.md
~~~ts
// \`\`\`
[no](no.md)
~~~
## Same
<a id="here"></a>
`;

test("blocks carry language, flags, text and line", () => {
  expect(blocks(text)).toEqual([
    { language: "sh", flags: ["norun"], text: "npm ci\n", line: 5 },
    { language: "ts", flags: [], text: "// ```\n[no](no.md)\n", line: 10 },
  ]);
});

test("a block that is not closed is an error", () => {
  expect(() => blocks("a\n```sh\nls\n")).toThrow(/line 2/);
});

test("links are found outside code", () => {
  expect(links(text).map(({ line, target }) => `${line} ${target}`)).toEqual([
    "3 docs/a.md#part",
    "3 b.png",
    "3 c.png",
    "9 d.md",
  ]);
});

test("anchors are those of GitHub", () => {
  expect([...anchors(text)]).toEqual(["two-words--more", "same", "same-1", "here"]);
});
