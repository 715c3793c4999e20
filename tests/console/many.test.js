// The list with five hundred instances. They are not made: the browser's requests for them are answered here, with
// states that change each time, so that there is something to draw anew.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { ORIGIN, isSound, nothingWentWrong, picture, signIn, start, stop, visit } = require('./browser.js');

const MANY = 500;
/** Seconds of looking on, and what scripts may take of each, in milliseconds. */
const SECONDS = 6;
const BUDGET = 100;
const STATUSES = ['running', 'running', 'running', 'creating', 'resizing', 'upgrading', 'abnormal'];

let asked = 0;

function instance(number) {
  const InstanceId = `etcd-${String(number).padStart(8, '0')}`;
  const Version = 'v3.5.30';
  const member = (ordinal) => ({ Name: `${InstanceId}-etcd-${ordinal}`, Version, Zone: `ap-guangzhou-${ordinal + 1}`, Status: 'Running' });
  return {
    InstanceId,
    Name: `service-${number}`,
    Description: '',
    VpcId: `vpc-${String(number % 7).padStart(8, '0')}`,
    Version,
    Status: STATUSES[(number + asked) % STATUSES.length],
    Members: [0, 1, 2].map(member),
    Endpoint: `https://127.${number % 250}.0.1:2379`,
    DeletionProtection: false,
  };
}

async function answer(route) {
  const request = route.request();
  if (request.method() !== 'POST' || request.headers()['x-tc-action'] !== 'DescribeEtcdInstances') return route.fallback();
  const { Offset = 0, Limit = 20 } = request.postDataJSON();
  if (Offset === 0) asked += 1;
  const Etcds = Array.from({ length: Math.max(0, Math.min(Limit, MANY - Offset)) }, (_, index) => instance(Offset + index));
  return route.fulfill({ json: { Response: { Etcds, TotalCount: MANY, RequestId: '0' } } });
}

before(start);
after(stop);

test('five hundred instances are listed, found and turned over while scripts rest', async () => {
  const page = await visit();
  await page.route(`${ORIGIN}/`, answer);
  await signIn(page, '/instances');
  await page.getByRole('link', { name: 'service-0', exact: true }).waitFor();
  await page.getByText(`${MANY} of`).waitFor();
  const rows = await page.locator('tbody tr').count();
  assert.ok(rows <= 100, `${rows} rows are drawn at once`);
  await isSound(page, 'the long list');
  await picture(page, 'list-500');

  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const scripting = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find((metric) => metric.name === 'ScriptDuration').value * 1000;
  };
  const [before, asked_before] = [await scripting(), asked];
  for (let second = 0; second < SECONDS; second++) {
    // As if one came back to the tab: everything is asked again, more often than the page does by itself.
    if (second % 2 === 0) await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })));
    await sleep(1000);
  }
  const each = (await scripting() - before) / SECONDS;
  console.log(`scripting: ${each.toFixed(1)} ms a second with ${MANY} instances, asked for ${asked - asked_before} times`);
  assert.ok(asked - asked_before >= 2, `asked for ${asked - asked_before} times`);
  assert.ok(each < BUDGET, `${each} ms of scripting a second`);

  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('2 / 10').waitFor();
  await page.getByRole('searchbox').fill('service-499');
  await page.getByRole('link', { name: 'service-499' }).waitFor();
  assert.equal(await page.locator('tbody tr').count(), 1);
  nothingWentWrong();
});
