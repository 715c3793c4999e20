// A Chromium at the console, and what must hold in all of a visit: no request to elsewhere, nothing that the page's
// policy refuses, no fault of a script. scripts/test-env provides playwright-core, axe-core and the browser.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { chromium } = require('playwright-core');

const ORIGIN = `http://${process.env.CETCD_TEST_ENDPOINT}`;
const PATIENCE = 60_000;
const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

let browser;
const wrong = [];

async function start() {
  browser = await chromium.launch({
    executablePath: process.env.CETCD_TEST_CHROMIUM,
    // Tests run as root in containers, where Chromium's own sandbox does not start; only our server is visited.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}

async function stop() {
  await browser?.close();
}

/**
 * A tab of a new user; what goes wrong in it is kept for `nothingWentWrong`. The user wants no motion, so that a colour
 * is judged as it stays: a button that has just been enabled would fade in.
 */
async function visit(options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-US',
    colorScheme: 'light',
    reducedMotion: 'reduce',
    acceptDownloads: true,
    ...options,
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  await page.addInitScript(() => {
    window.refused = [];
    document.addEventListener('securitypolicyviolation', (event) => {
      window.refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
    });
  });
  page.on('pageerror', (error) => wrong.push(`script: ${error.stack ?? error}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${ORIGIN}/`) && !/^(data|blob):/.test(url)) wrong.push(`request to elsewhere: ${url}`);
  });
  return page;
}

async function signIn(page, to = '/') {
  await page.goto(ORIGIN + to);
  await page.getByLabel('SecretId').fill(process.env.TENCENTCLOUD_SECRET_ID);
  await page.getByLabel('SecretKey').fill(process.env.TENCENTCLOUD_SECRET_KEY);
  await page.keyboard.press('Enter');
  await page.getByRole('navigation').first().waitFor();
}

/** Nothing serious by axe-core's rules, nothing wider than the window, nothing refused by the policy. */
async function isSound(page, what) {
  const refused = await page.evaluate(() => window.refused);
  assert.deepEqual(refused, [], `${what}: refused by the policy`);
  const [clientWidth, scrollWidth] = await page.evaluate(() => {
    const root = document.documentElement;
    return [root.clientWidth, root.scrollWidth];
  });
  assert.ok(scrollWidth <= clientWidth, `${what}: ${scrollWidth} pixels wide in a window of ${clientWidth}`);
  await page.evaluate(AXE);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const serious = found.violations.filter((fault) => ['serious', 'critical'].includes(fault.impact));
  const told = serious.map((fault) => `${fault.id}: ${fault.nodes.map((node) => `${node.html} ${node.failureSummary}`).join('; ')}`);
  assert.deepEqual(told, [], `${what}: axe-core`);
}

function nothingWentWrong() {
  assert.deepEqual(wrong, []);
}

/** Keeps a picture of the page where pictures are asked for. */
async function picture(page, name, options = {}) {
  const folder = process.env.CETCD_TEST_PICTURES;
  if (!folder) return;
  await page.evaluate(() => document.activeElement?.blur());
  await page.screenshot({ path: path.join(folder, `${name}.png`), animations: 'disabled', ...options });
}

module.exports = { ORIGIN, PATIENCE, isSound, nothingWentWrong, picture, signIn, start, stop, visit };
