// A member that fails, and what the charts and the keys show.
'use strict';

const assert = require('node:assert/strict');
const { isSound, picture } = require('../browser.js');
const { chapter, memberProcess, running, story, tab, until } = require('../story.js');

/** How many keys are written to see the charts move. */
const KEYS = 40;

const shownNumber = (metric) => story.page.locator(`[data-metric=${metric}]`).getAttribute('data-now');

chapter('a member that hangs is named, and is back once it was killed', async ({ page, id }) => {
  await tab('Overview').click();
  await until('three members run', async () => (await running().count()) === 3);
  const member = `${id}-etcd-1`;
  const { pid } = await until('the member is a process', () => memberProcess(member));
  process.kill(pid, 'SIGSTOP');
  try {
    await page.locator(`[data-member=${member}]:not([data-status=Running])`).waitFor();
    const condition = page.locator('[data-condition=MembersHealthy].condition-bad');
    await condition.waitFor();
    assert.match(await condition.innerText(), /\b1\b[\s\S]*What to do:/);
    await isSound(page, 'the overview with a fault');
    await picture(page, 'fault');
  } finally {
    try { process.kill(pid, 'SIGKILL'); } catch { /* the server was faster */ }
  }
  await page.locator(`[data-member=${member}][data-status=Running]`).waitFor();
  await page.locator('[data-healthy=true]').waitFor();
  const now = await until('it is a process again', () => memberProcess(member));
  assert.notEqual(now.pid, pid);
});

chapter('the charts move by what is written', async ({ page, etcdctl }) => {
  await tab('Metrics').click();
  const before = await until('members have been read', () => shownNumber('Keys'));
  assert.ok(Number(before) < KEYS, `${before} keys`);
  for (let number = 0; number < KEYS; number++) etcdctl(`put orders/${number} '{"number":${number}}'`);
  await until('the new keys are in the chart', async () => Number(await shownNumber('Keys')) >= KEYS);
  assert.equal(await page.locator('.chart').count(), 15);
  // A chart is a picture: what it says is said in words, too.
  assert.match(await page.locator('[data-metric=Keys] [role=img]').getAttribute('aria-label'), /^Keys, now: .*-etcd-0 \d+/);
  await isSound(page, 'the charts');
  await picture(page, 'metrics', { fullPage: true });
  await page.getByRole('button', { name: '2 hours' }).click();
  await page.waitForURL(/range=2h$/);
  await page.reload();
  await page.getByRole('button', { name: '2 hours', pressed: true }).waitFor();
});

chapter('keys are found by their prefix, and a value is shown as what it is', async ({ page }) => {
  await tab('Keys').click();
  await page.getByText(/^4\d keys at revision \d+$/).waitFor();
  await page.getByRole('searchbox').fill('orders/1');
  await page.locator('[data-key="orders/19"]').waitFor();
  await page.locator('[data-key="orders/2"]').waitFor({ state: 'detached' });
  await page.locator('[data-key="orders/1"]').click();
  await page.getByTestId('kind').getByText('A JSON value, 12 B').waitFor();
  await page.getByText('"number": 1').waitFor();
  await page.getByRole('tab', { name: 'Bytes' }).click();
  await page.getByText('|{"number":1}|').waitFor();
  await isSound(page, 'keys');
  await picture(page, 'keys');
  await page.reload(); // what is chosen is in the address
  await page.getByRole('heading', { name: 'orders/1', exact: true }).waitFor();
});
