// SPDX-License-Identifier: Apache-2.0
//
// Plays the demo with a browser in the person's place: node demo.mjs DEMO [--images FOLDER]
// Every kind of page is looked at in all windows, "Merge pull request" is pressed, and the deployments are watched on the
// page until they have succeeded. With --images, the pictures of the documentation are taken on the way.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { check, looks, open, window } from './look.mjs';

const args = process.argv.slice(2);
const demo = args.shift();
const images = args[0] === '--images' ? args[1] : '';
const problems = [];

// play starts the demo, and prints what it prints. It ends by itself only if a step fails.
const child = spawn(demo, [], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, CI: '', ONCE: '' } });
let story = '';
let wake = () => {};
child.stdout.setEncoding('utf8').on('data', (text) => { story += text; process.stdout.write(text); wake(); });
const ended = new Promise((resolve) => child.on('close', (code) => { child.over = true; wake(); resolve(code); }));

// said waits until the demo says something.
async function said(pattern) {
  for (;;) {
    const found = story.match(pattern);
    if (found) return found;
    if (child.over) throw new Error(`the demo has ended, and has not said ${pattern}`);
    await new Promise((resolve) => { wake = resolve; });
  }
}

// picture takes a picture of the page, of all or the upper part of it.
async function picture(page, name, height) {
  if (!images) return;
  const size = await page.evaluate(() => ({ width: document.documentElement.clientWidth, height: document.querySelector('main').getBoundingClientRect().bottom }));
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', {
    format: 'webp', quality: 85, captureBeyondViewport: true, clip: { x: 0, y: 0, width: size.width, height: Math.min(height, Math.ceil(size.height)), scale: 1 },
  });
  fs.writeFileSync(path.join(images, `${name}.webp`), Buffer.from(data, 'base64'));
}

async function walk(browser, origin) {
  const pull = `${origin}/acme/platform/pull/`;
  for (const look of looks) {
    const page = await window(browser, look, origin, problems);
    for (const address of [`${origin}/`, `${origin}/acme/platform`, `${pull}1/files`, `${pull}2`]) {
      await page.goto(address);
      await check(page, look, problems);
    }
    await page.locator('summary', { hasText: 'The data flow' }).first().click();
    if (look.name === 'light-desktop') await picture(page, 'fixed-by-a-push', 900);
    await page.goto(`${pull}1`);
    await check(page, look, problems);
    if (look.name !== 'light-phone') await picture(page, `pull-request-${look.name}`, look.width < 600 ? 844 : 900);
    await page.getByRole('link', { name: 'Details' }).click();
    await check(page, look, problems);
    await page.context().close();
  }
}

// merge presses the button, and watches the page until it says what was deployed where.
async function merge(browser, origin) {
  for (const look of looks) {
    const page = await window(browser, look, origin, problems);
    await page.goto(`${origin}/acme/platform/pull/1`);
    if (look === looks[0]) {
      await page.getByRole('button', { name: 'Merge pull request' }).click();
      for (const until = Date.now() + 180_000; !(await page.getByText('deployed, and healthy').count());) {
        if (Date.now() > until) throw new Error('the page does not say in three minutes that what was merged is deployed, and healthy');
        await page.waitForTimeout(500);
        await page.reload();
      }
      const states = await page.locator('[aria-label="Deployments"] .row').allInnerTexts();
      if (states.length === 0 || states.some((s) => !s.includes('success'))) problems.push(`the deployments are not all successful: ${states.join('; ')}`);
    }
    await check(page, look, problems);
    if (look === looks[0]) {
      await page.evaluate(() => document.querySelectorAll('article.comment')[1].remove()); // the comment from before the merge is in another picture
      await picture(page, 'deployed', 900);
    }
    await page.context().close();
  }
}

let browser;
try {
  await said(/It is your turn/);
  const [, origin] = await said(/(http:\/\/[\d.]+:\d+)\/acme\/platform\/pull\/1\b/);
  browser = await open();
  await walk(browser, origin);
  await merge(browser, origin);
  await said(/\d+ steps, \d+ checks/);
} catch (err) {
  problems.push(String(err));
} finally {
  await browser?.close();
  child.kill('SIGINT');
}
const code = await ended;
if (code !== 0 && code !== 130) problems.push(`the demo ended with exit code ${code}`);
if (problems.length > 0) {
  console.error(`\n${problems.length} problems of the pages:\n- ${[...new Set(problems)].join('\n- ')}`);
  process.exit(1);
}
console.log('\nThe pages are as they should be.');
