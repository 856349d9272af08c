// SPDX-License-Identifier: Apache-2.0
//
// Signs someone on at an issuer in a real browser: node signon.mjs PLAN
// PLAN is a file of JSON: mail and password, and one of two. With "code", the address of a page at which a code of a device is entered,
// the device is let in. With "origin", the console is opened, signed on at, and asked, from its own page, for each of "asks" (name,
// method, path, body); "act" has a release suspended by the buttons of its page; "leave" signs out everywhere, in this browser with
// one window and in another one, and "other" is a replica at which nobody is signed on afterwards. What was answered is printed as
// JSON. TestSignOn of cmd/trunkline/e2e runs it.
import fs from 'node:fs';
import { open } from './look.mjs';

const plan = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const said = { answers: {}, seen: {}, replayed: {} };
const browser = await open();

async function newPage() {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(60_000);
  return page;
}

async function fill(page) {
  await page.locator('[name=username]').fill(plan.mail);
  await page.locator('[name=password]').fill(plan.password);
  await page.locator('button[type=submit]').click();
}

async function device() {
  const page = await newPage();
  await page.goto(plan.code);
  await fill(page);
  await page.locator('button.green').click();
  await page.getByText('Device authorization allowed').waitFor();
}

// enter signs on, from a page of the console and back to it, and returns the address that the issuer sent the browser to.
async function enter(page, address) {
  let back;
  page.on('request', (request) => {
    if (request.url().startsWith(`${plan.origin}/login/callback`)) back = request.url();
  });
  await page.goto(plan.origin + address);
  if (new URL(page.url()).origin === plan.origin) throw new Error(`${address} is shown to whoever has not signed on`);
  await fill(page);
  await page.waitForURL(plan.origin + address);
  return back;
}

// status is what an address answers to the cookies of a window.
const status = async (page, url) => (await page.context().request.get(url, { maxRedirects: 0 })).status();

async function pages() {
  const page = await newPage();
  const back = await enter(page, '/releases');
  said.seen.footer = await page.locator('footer').innerText();
  said.seen.releases = await page.locator('#main').innerText();
  for (const a of plan.asks) {
    said.answers[a.name] = await page.evaluate(async ({ method, path, body }) => {
      const options = body === undefined ? { method } : { method, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
      const answer = await fetch(path, options);
      return { status: answer.status, body: await answer.text() };
    }, a);
  }
  // A sign-on that is over is good for nothing, in this browser or another.
  said.replayed.here = (await page.goto(back)).status();
  const stranger = await newPage();
  said.replayed.elsewhere = (await stranger.goto(back)).status();
  said.replayed.stranger = await status(stranger, `${plan.origin}/api/v1/me`);
  if (plan.act) {
    await page.goto(plan.origin + plan.act);
    await page.locator('[data-opens=act-suspend]').click();
    await page.locator('#act-suspend [name=why]').fill('tried in a browser');
    await page.locator('#act-suspend [name=sure]').check();
    await page.locator('#act-suspend .do').click();
    await page.locator('#act-suspend .answer.good').waitFor();
    await page.locator('#act-suspend [data-closes]').click();
    await page.locator('[data-opens=act-resume]').waitFor();
  }
  if (plan.leave) {
    const second = await newPage();
    await enter(second, '/releases');
    await page.goto(`${plan.other}/releases`);
    said.seen.other = await page.locator('footer').innerText();
    await page.goto(`${plan.origin}/releases`);
    const cookies = await page.context().cookies();
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await page.getByText('signed out', { exact: false }).first().waitFor();
    await page.context().addCookies(cookies);
    for (const [name, of, origin] of [['here', page, plan.origin], ['second', second, plan.origin], ['otherReplica', page, plan.other], ['secondAtOther', second, plan.other]]) {
      said.replayed[name] = await status(of, `${origin}/api/v1/me`);
    }
  }
}

try {
  await (plan.code ? device() : pages());
  console.log(JSON.stringify(said));
} finally {
  await browser.close();
}
