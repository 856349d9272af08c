// SPDX-License-Identifier: Apache-2.0
//
// Has GitHub make an App by the pages of the console, in a real browser: node app.mjs PLAN
// PLAN is a file of JSON: origin, where the console is, and forge, where GitHub is. It fills the form, goes to GitHub by it, confirms there, and
// comes back; then it comes back once more. What the pages said is printed as JSON. TestAnAppInABrowser of cmd/trunkline runs it.
import fs from 'node:fs';
import { open } from './look.mjs';

const plan = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const said = { console: [] };
const browser = await open();
try {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(30_000);
  page.on('console', (message) => {
    if (message.location().url.startsWith(plan.origin)) said.console.push(message.text());
  });
  await page.goto(`${plan.origin}/setup`);
  await page.getByRole('link', { name: 'GitHub', exact: true }).click();
  await page.locator('main [name=name]').fill('Trunkline acme');
  await page.locator('main form button').click();
  said.offer = await page.locator('#main').innerText();
  await page.getByRole('button', { name: 'Continue at GitHub' }).click();
  await page.waitForURL(`${plan.forge}/**`);
  await page.getByRole('button', { name: 'Create GitHub App for Trunkline acme' }).click();
  await page.waitForURL(`${plan.origin}/**`);
  said.made = await page.locator('#main').innerText();
  const back = page.url();
  await page.goto(`${plan.origin}/setup/github`);
  said.after = await page.locator('#main').innerText();
  const again = await page.goto(back);
  said.again = again.status();
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(said));
