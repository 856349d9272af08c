// SPDX-License-Identifier: Apache-2.0
//
// Looks at pages in a real browser: in light and dark, at the width of a desktop and of a phone. A page is wrong if it says
// something on the console, asks another host for something, gets an answer that is no success, is wider than the window,
// or breaks a rule of accessibility.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const cache = path.join(root, '.cache/browser');
const require = createRequire(path.join(cache, 'x.js'));
const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

// looks are the windows that a page is looked at in.
export const looks = ['light', 'dark'].flatMap((scheme) => [
  { name: `${scheme}-desktop`, scheme, width: 1120, height: 900 },
  { name: `${scheme}-phone`, scheme, width: 390, height: 844 },
]);

// open starts the browser. The sandbox of Chromium needs rights that root in a container does not have.
export function open() {
  return chromium.launch({ executablePath: fs.realpathSync(path.join(cache, 'program')), args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb'] });
}

// window opens a window for pages of one origin, and notes in problems what is wrong with them.
export async function window(browser, look, origin, problems) {
  const context = await browser.newContext({ viewport: { width: look.width, height: look.height }, colorScheme: look.scheme, deviceScaleFactor: 2 });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const note = (what) => problems.push(`${look.name}: ${page.url()}: ${what}`);
  page.on('console', (message) => note(`the console says: ${message.text()}`));
  page.on('pageerror', (err) => note(`an error: ${err}`));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) note(`it asks for ${request.url()}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) note(`${response.url()} is answered with ${response.status()}`);
  });
  return page;
}

// check looks at the page that is shown, with everything unfolded.
export async function check(page, look, problems) {
  const unfolded = await page.$$eval('details:not([open])', (all) => all.map((d) => { d.open = true; }).length);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wide > 0) problems.push(`${look.name}: ${page.url()}: it is ${wide} pixels wider than the window`);
  // The policy of the page lets no script in; the debugger may.
  const session = await page.context().newCDPSession(page);
  const run = async (expression) => {
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`axe: ${exceptionDetails.text} ${exceptionDetails.exception?.description ?? ''}`);
    return result.value;
  };
  await run(`${axe}; true`);
  // What Markdown makes of a comment is as at GitHub: a heading of the third level, and tables that begin with an empty cell.
  const found = await run(`axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'], rules: {'heading-order': {enabled: false}, 'empty-table-header': {enabled: false}}}).then((r) => r.violations.map((v) => v.id + ': ' + v.help + ' (' + v.nodes.slice(0, 3).map((n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join('; ') + ')'))`);
  await session.detach();
  for (const f of found) problems.push(`${look.name}: ${page.url()}: ${f}`);
  if (unfolded > 0) await page.$$eval('details[open]', (all) => all.forEach((d) => { d.open = false; }));
}
