import { type Html, html, type Part, raw } from "./escape.ts";
import { styleSheet } from "./style/sheet.ts";

interface Document {
  title: string;
  /** Series that the style sheet has colours for. */
  models: number;
  /** Rules of this kind of page, after those of all. */
  style?: string;
  body: Part;
}

/** A page that holds all it needs: it may load nothing and run nothing. */
export function renderDocument({ title, models, style = "", body }: Document): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title} · seqlab</title>
<style>${raw(styleSheet(models))}${raw(style)}</style>
</head>
<body>
${body}
</body>
</html>
`;
}
