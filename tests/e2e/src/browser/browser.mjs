// Renders Markdown as GitHub does, looks at it in Chromium, and says what it measured.
//
// browser.mjs ORDER FOLDER, with `chromium` on the PATH: ORDER is a JSON list of pages, each with `name`, `markdown` (a text) or `address` (of
// a page that is served already), and `widths`. Pictures go into FOLDER as NAME-WIDTH.png; one JSON list of what was
// measured goes to stdout. It decides nothing: what is good or bad is up to those who read the list.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";
import rehypeRaw from "rehype-raw";
import rehypeSanitize from "rehype-sanitize";
import rehypeSlug from "rehype-slug";
import rehypeStringify from "rehype-stringify";
import remarkGfm from "remark-gfm";
import remarkParse from "remark-parse";
import remarkRehype from "remark-rehype";
import { unified } from "unified";

const [orderPath, folder] = process.argv.slice(2);

// A host that never exists: what a page loads is answered from the packages, and everything else is refused.
const ORIGIN = "http://look.invalid";

// What a screen shows before one scrolls.
const HEIGHT = 900;

// The styles of a page: GitHub's own, and fonts of GitHub's list by name, so that widths are the same on all machines.
const STYLES = [
  "github-markdown-css/github-markdown-light.css",
  "@fontsource/noto-sans/400.css",
  "@fontsource/noto-sans/600.css",
  "@fontsource/noto-emoji/400.css",
  "@fontsource/cousine/400.css",
];

// As GitHub has it around a page: no more than 32 px on each side, 16 on a telephone. Cousine has the widths of
// Liberation Mono, which is in GitHub's list.
const FRAME = `
  body { margin: 0; font-synthesis: none; }
  .markdown-body { padding: 32px; font-family: "Noto Sans", "Noto Emoji", sans-serif; }
  .markdown-body code, .markdown-body pre { font-family: Cousine, monospace; }
  @media (max-width: 767px) { .markdown-body { padding: 16px; } }`;

// The order is GitHub's: Markdown to HTML, then everything that is not allowed is taken out, then headings get ids.
const github = unified()
  .use(remarkParse)
  .use(remarkGfm)
  .use(remarkRehype, { allowDangerousHtml: true })
  .use(rehypeRaw)
  .use(rehypeSanitize)
  .use(rehypeSlug)
  .use(rehypeStringify);

async function html(markdown) {
  const links = STYLES.map((style) => `<link rel="stylesheet" href="/${style}">`).join("");
  const body = String(await github.process(markdown));
  return `<!doctype html><meta charset="utf-8">${links}<style>${FRAME}</style><article class="markdown-body">${body}</article>`;
}

const types = { ".css": "text/css", ".woff2": "font/woff2", ".woff": "font/woff" };
const packages = path.join(path.dirname(createRequire(import.meta.url).resolve("playwright-core/package.json")), "..");

async function answer(route, pages) {
  const { pathname } = new URL(route.request().url());
  if (pages.has(pathname)) {
    return route.fulfill({ contentType: "text/html", body: pages.get(pathname) });
  }
  const file = path.join(packages, decodeURIComponent(pathname));
  const contentType = types[path.extname(file)];
  return contentType ? route.fulfill({ contentType, body: await readFile(file) }) : route.abort();
}

// Runs in the page, with everything that is folded opened first: what is folded has to fit as well.
function measure() {
  const root = document.querySelector(".markdown-body") ?? document.body;
  const text = (element) => element.textContent.trim().replaceAll(/\s+/g, " ").slice(0, 80);
  const isTooWide = (element) => element.scrollWidth > element.clientWidth + 1;
  const scrolls = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
  const fit = (element) => (!isTooWide(element) ? "fits" : scrolls(element) ? "scrolls" : "overflows");
  const isFolded = new Set();
  const folds = [...root.querySelectorAll("details")];
  for (const fold of folds) fold.querySelectorAll("pre").forEach((box) => isFolded.add(box));
  for (const fold of folds) fold.open = true;
  const all = [...root.querySelectorAll("*")];
  const inside = (element) => element.closest("pre, table, svg");
  const wide = all
    .filter((element) => !inside(element) && element.clientWidth > 0 && isTooWide(element))
    .map((element) => ({ tag: element.localName, text: text(element) }));
  const tables = [...root.querySelectorAll("table")].map((table) => ({
    heads: [...table.querySelectorAll("th")].map(text),
    fit: fit(table),
  }));
  const boxes = [...root.querySelectorAll("pre")].map((box) => ({
    language: (box.querySelector("code")?.className ?? "").replace("language-", ""),
    fit: fit(box),
    isFolded: isFolded.has(box),
    text: box.textContent,
  }));
  const overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  for (const fold of folds) fold.open = false;
  root.querySelectorAll("pre").forEach((box, number) => {
    const place = box.getBoundingClientRect();
    boxes[number].top = Math.round(place.top);
  });
  const place = (element) => Math.round(element.getBoundingClientRect().top);
  return {
    overflow, wide, tables, boxes,
    tags: [...new Set(all.map((element) => element.localName))].sort(),
    ids: all.map((element) => element.id).filter((id) => id),
    links: [...root.querySelectorAll("a[href]")].map((link) => ({ to: link.getAttribute("href"), text: text(link) })),
    headings: [...root.querySelectorAll("h1, h2, h3, h4")].map((heading) => ({ text: text(heading), top: place(heading) })),
    tableTops: [...root.querySelectorAll("table")].map(place),
    text: root.innerText,
  };
}

async function look(page, order, pages) {
  const address = order.address ?? `${ORIGIN}/page/${encodeURIComponent(order.name)}`;
  if (order.markdown !== undefined) pages.set(new URL(address).pathname, await html(order.markdown));
  const seen = [];
  for (const width of order.widths) {
    const complaints = [];
    const hear = (message) => message.type() === "error" && complaints.push(message.text());
    page.on("console", hear);
    await page.setViewportSize({ width, height: HEIGHT });
    await page.goto(address);
    await page.evaluate(async () => {
      await document.fonts.load('16px "Noto Emoji"', "✅❌⚠️");
      await document.fonts.ready;
    });
    if (order.wait) await page.waitForFunction((words) => document.body.innerText.includes(words), order.wait);
    const measured = await page.evaluate(measure);
    await page.screenshot({ path: path.join(folder, `${order.name}-${width}.png`), fullPage: true });
    page.off("console", hear);
    seen.push({ name: order.name, width, complaints, ...measured });
  }
  return seen;
}

const places = (process.env.PATH ?? "").split(path.delimiter).map((place) => path.join(place, "chromium"));
const executablePath = places.find((place) => existsSync(place));
if (!executablePath) throw new Error("chromium is not installed");
const orders = JSON.parse(await readFile(orderPath, "utf8"));
// In a container Chromium can have no sandbox of its own; all pages are ours or on loopback.
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const pages = new Map();
  const context = await browser.newContext();
  await context.route(`${ORIGIN}/**`, (route) => answer(route, pages));
  const page = await context.newPage();
  const seen = [];
  for (const order of orders) seen.push(...(await look(page, order, pages)));
  process.stdout.write(JSON.stringify(seen));
} finally {
  await browser.close();
}
