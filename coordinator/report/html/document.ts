/** What is around every page of a report: one file that needs nothing else, neither network nor script, light and dark. */

import { escapeMarkup } from '../markup.ts';
import { style } from './style.ts';

export interface HtmlDocument {
  /** Text. */
  readonly title: string;
  readonly headerHtml: string;
  readonly mainHtml: string;
  readonly footerHtml: string;
}

export function htmlDocument({ title, headerHtml, mainHtml, footerHtml }: HtmlDocument): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeMarkup(title)} – Stampede</title>
<style>${style}</style>
</head>
<body>
<header>
${headerHtml}
</header>
<main>
${mainHtml}
</main>
<footer>${footerHtml}</footer>
</body>
</html>
`;
}
