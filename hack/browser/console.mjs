// SPDX-License-Identifier: Apache-2.0
//
// Looks at the pages of the console in a real browser: node console.mjs PLAN
// PLAN is a file of JSON: origin, paths, folder (for screenshots; empty: none) and control, an address that changes the platform
// behind the pages; images is where pictures of the documentation go (empty: nowhere), and harmless the origin of the same pages without hostile texts for them. Every page is looked at in all windows; then the pages are used: with keys alone, with the filter, and while
// the platform changes. TestInABrowser of console/web runs it.
import fs from 'node:fs';
import path from 'node:path';
import { check, open, window } from './look.mjs';

const plan = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const problems = [];
const looks = [
  { name: 'light', scheme: 'light', width: 1280, height: 900 },
  { name: 'dark', scheme: 'dark', width: 1280, height: 900 },
  { name: 'light-phone', scheme: 'light', width: 360, height: 740 },
  { name: 'dark-phone', scheme: 'dark', width: 360, height: 740 },
];

// expect waits until something is so, and notes what is not.
async function expect(what, is) {
  for (const until = Date.now() + 15_000; Date.now() < until; await new Promise((r) => setTimeout(r, 50))) {
    if (await is()) return;
  }
  problems.push(`${what}: it did not come to that`);
}

const fileOf = (address) => (address === '/' ? 'platform' : address.slice(1).replace(/[^\w.-]+/g, '-'));

async function lookAt(browser, look) {
  const page = await window(browser, look, plan.origin, problems);
  for (const address of plan.paths) {
    await page.goto(plan.origin + address);
    await expect(`${address} is live`, async () => !(await page.locator('#main').getAttribute('data-follow')) || (await page.locator('#live').innerText()) === 'live');
    if (plan.folder) await page.screenshot({ path: path.join(plan.folder, `${fileOf(address)}-${look.name}.png`), fullPage: true });
    await check(page, look, problems);
  }
  await page.context().close();
}

const focused = (page) => page.evaluate(() => document.activeElement.getAttribute('href') ?? document.activeElement.id);

// keys goes from the platform to something that needs someone, with keys alone.
async function keys(page) {
  await page.goto(`${plan.origin}/`);
  await page.keyboard.press('Tab');
  if ((await page.evaluate(() => document.activeElement.className)) !== 'skip') problems.push('the first Tab is not at the link to the content');
  await page.keyboard.press('Enter');
  await page.keyboard.press('j');
  const first = await focused(page);
  await page.keyboard.press('j');
  const second = await focused(page);
  if (!first || first === second) problems.push(`j goes from ${first} to ${second}`);
  await page.keyboard.press('k');
  if ((await focused(page)) !== first) problems.push(`k does not go back to ${first}`);
  await page.keyboard.press('?');
  await expect('? shows the keys', () => page.locator('#keys').isVisible());
  await page.keyboard.press('Escape');
  await expect('Escape ends that', async () => !(await page.locator('#keys').isVisible()));
}

// live has the platform change while the page is open, with a row that has the focus.
async function live(page) {
  await page.goto(`${plan.origin}/`);
  await expect('the page is live', async () => (await page.locator('#live').innerText()) === 'live');
  let loads = 0;
  page.on('load', () => { loads++; });
  const link = page.locator('.matrix a.cell').first();
  await link.focus();
  const before = await focused(page);
  await fetch(`${plan.control}/break`, { method: 'POST' });
  await expect('what is broken is shown', async () => (await page.locator('[data-part=needs]').innerText()).includes('broken by the test'));
  await expect('the focus stays', async () => (await focused(page)) === before);
  await fetch(`${plan.control}/heal`, { method: 'POST' });
  await expect('what is healed is not shown', async () => !(await page.locator('[data-part=needs]').innerText()).includes('broken by the test'));
  if (loads > 0) problems.push('the page was loaded again');
}

// filter types into the filter.
async function filter(page) {
  await page.goto(`${plan.origin}/`);
  await page.locator('.filter [name=q]').fill('order');
  await expect('the filter shows one project', async () => (await page.locator('.matrix tbody tr').count()) === 1);
  await expect('the address says so', () => new URL(page.url()).search === '?q=order');
  await page.reload();
  await expect('the address shows the same', async () => (await page.locator('.matrix tbody tr').count()) === 1);
}

// searching goes from any page to a project, by the key of the search.
async function searching(page) {
  await page.goto(`${plan.origin}/history`);
  await page.keyboard.press('/');
  await page.keyboard.type('rates');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/search?q=rates');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/projects/rates');
  await page.keyboard.press('g');
  await page.keyboard.press('d');
  await page.waitForURL('**/graph');
}

// pictures takes those of the documentation, in light and dark.
async function pictures() {
  if (!plan.images) return;
  for (const look of looks.slice(0, 2)) {
    const page = await window(browser, look, plan.harmless, problems);
    const session = await page.context().newCDPSession(page);
    for (const [name, address, height] of [
      ['platform', '/', 1060], ['pull-request', '/pulls/pr-7', 1060], ['release', '/releases/billing/prod/west', 1000], ['lots', '/lots/prod/orders/clean@1', 960],
      ['costs', '/costs?by=project', 900], ['graph', '/graph', 760],
    ]) {
      await page.goto(plan.harmless + address);
      await expect('the picture is of a page that is live', async () => !(await page.locator('#main').getAttribute('data-follow')) || (await page.locator('#live').innerText()) === 'live');
      const { data } = await session.send('Page.captureScreenshot', {
        format: 'webp', quality: 80, captureBeyondViewport: true, clip: { x: 0, y: 0, width: look.width, height, scale: 1 },
      });
      fs.writeFileSync(path.join(plan.images, `console-${name}-${look.name}.webp`), Buffer.from(data, 'base64'));
    }
    await page.context().close();
  }
}

// pulls goes from the list to a pull request with keys alone, and copies a command.
async function pulls(page) {
  await page.goto(`${plan.origin}/`);
  await page.keyboard.press('g');
  await page.keyboard.press('m');
  await page.waitForURL('**/pulls');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/pulls/pr-7');
  await expect('the difference is shown', async () => (await page.locator('pre.diff .added').first().innerText()).includes('orders:4'));
  await page.locator('[data-copies]').first().focus();
  await page.keyboard.press('Enter');
  await expect('a command is copied, or chosen', async () => /Copied|Chosen/.test(await page.locator('[data-part=preview]').innerText()));
  await page.keyboard.press('g');
  await page.keyboard.press('o');
  await page.waitForURL('**/costs');
  await page.locator('.filter [name=by]').selectOption('project');
  await expect('the costs are told apart by project', async () => (await page.locator('[data-part=costs] tbody').first().innerText()).includes('orders'));
  await expect('the address says so', () => new URL(page.url()).searchParams.get('by') === 'project');
}

// costs stays open for more than a minute, by a clock of its own.
async function costs(page) {
  await page.clock.install();
  await page.goto(`${plan.origin}/costs`);
  const again = page.waitForRequest((r) => r.url() === `${plan.origin}/costs`, { timeout: 15_000 });
  await page.clock.fastForward(62_000);
  await again.catch(() => problems.push('the page of costs is not loaded again after a minute'));
}

// lots chooses lots with keys alone, has them tried again, and reads a log.
async function lots(page) {
  await page.goto(`${plan.origin}/lots/prod/orders/clean@1`);
  await page.locator('#grid').focus();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Shift+ArrowLeft');
  await page.keyboard.press('Shift+ArrowLeft');
  await expect('the lot is said in words', async () => (await page.locator('#cell').innerText()).startsWith('2026-01-01 03:00 to 2026-01-01 04:00 UTC: there'));
  await expect('the range is looked at', async () => (await page.locator('[data-part=range]').innerText()).includes('1 of 3 lots missing'));
  await expect('the grid keeps the focus', async () => (await focused(page)) === 'grid');
  await expect('the range is marked', async () => (await page.locator('#grid td.chosen').count()) === 3);
  await page.locator('[data-opens=act-retry]').focus();
  await page.keyboard.press('Enter');
  await page.keyboard.type('the schema is fixed');
  await page.keyboard.press('Tab');
  await page.keyboard.type('ann');
  await page.keyboard.press('Enter');
  await expect('the answer is said', async () => (await page.locator('#act-retry .answer').innerText()).includes('retry orders/clean'));
  const asked = await (await fetch(`${plan.control}/asked`)).json();
  const want = 'retry orders/clean 2026-01-01T03:00:00Z 2026-01-01T06:00:00Z in prod by ann (unverified): the schema is fixed';
  if (!asked.includes(want)) problems.push(`the keyboard asked for ${asked}, not ${want}`);
  await page.keyboard.press('Escape');
  await page.locator('[data-opens=act-remove]').click();
  await page.locator('#act-remove [name=sure]').check();
  await page.locator('#act-remove .do').click();
  await expect('a removal is rehearsed', async () => (await page.locator('#act-remove .do').innerText()) === 'Remove 3 lots');
  if (plan.folder) await page.screenshot({ path: path.join(plan.folder, 'act.png') });
  await page.keyboard.press('Escape');
  await page.goto(`${plan.origin}/lots/prod/orders/clean@1/20260101PT1H004`);
  await page.locator('[data-log]').first().click();
  await expect('the log is shown', async () => (await page.locator('#log-text').innerText()).includes('line 30'));
  const log = await page.locator('#log-text').innerText();
  if (!log.includes("KeyError: 'amount'") || log.includes('\u001b') || log.includes('\u202e') || log.includes('\u2066')) problems.push('the log has what a terminal obeys, or what turns the direction');
  if (!log.includes('<script>alert(1)</script>') || (await page.locator('#log-text *').count()) > 0) problems.push('the log is more than a text');
  await page.locator('#log-search').fill('keyerror');
  await expect('the log is searched', async () => (await page.locator('#log-text').innerText()).trim().split('\n').length === 1);
  if (plan.folder) await page.screenshot({ path: path.join(plan.folder, 'log.png'), fullPage: true });
}

let browser;
try {
  browser = await open();
  await Promise.all(looks.map((look) => lookAt(browser, look)));
  const page = await window(browser, looks[0], plan.origin, problems);
  for (const use of [keys, live, filter, lots, pulls, searching, pictures, costs]) await use(page);
} catch (err) {
  problems.push(String(err));
} finally {
  await browser?.close();
}
if (problems.length > 0) {
  console.error(`${problems.length} problems of the pages:\n- ${[...new Set(problems)].join('\n- ')}`);
  process.exit(1);
}
