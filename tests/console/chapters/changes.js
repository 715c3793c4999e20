// A resize, and where it is told of afterwards.
'use strict';

const assert = require('node:assert/strict');
const { isSound, picture } = require('../browser.js');
const { chapter, members, running, tab, until } = require('../story.js');

chapter('a resize is asked for, followed and done', async ({ page }) => {
  await tab('Configuration').click();
  const form = page.getByRole('form', { name: 'Size' });
  await form.getByLabel('Members').selectOption('5');
  await isSound(page, 'the configuration');
  await picture(page, 'configuration');
  await form.getByRole('button', { name: 'Resize' }).click();
  await form.getByText('Accepted.').waitFor();
  await tab('Tasks').click();
  await page.locator('tr', { hasText: 'Resize' }).locator('[data-status=done]').waitFor();
  await page.locator('tr', { hasText: 'Create instance' }).getByRole('button', { name: 'Steps' }).click();
  await page.locator('[data-step=create_etcd]').waitFor();
  await page.locator('tr', { hasText: 'Resize' }).getByRole('button', { name: 'Steps' }).click();
  await page.locator('[data-step=resize_etcd][data-state=success]').waitFor();
  await isSound(page, 'the tasks');
  await picture(page, 'tasks');
  await tab('Overview').click();
  await until('five members run', async () => (await running().count()) === 5 && (await members().count()) === 5);
  await page.locator('.chart canvas').nth(2).waitFor();
  await isSound(page, 'the overview of five members');
  await picture(page, 'overview', { fullPage: true });
});

chapter('events tell what was seen and done, as it happens', async ({ page, id }) => {
  await tab('Events').click();
  await page.locator('[data-event=TaskDone]').first().waitFor();
  // The restore and the resize have filled the first page; what was killed is among the warnings.
  await page.getByLabel('Level').selectOption('warning');
  await page.waitForURL(/level=warning$/);
  await page.locator(`[data-level=warning]`, { hasText: `${id}-etcd-1` }).first().waitFor();
  assert.equal(await page.locator('[data-level=info]').count(), 0);
  await isSound(page, 'the events');
  await picture(page, 'events');
});

chapter('the audit log says who changed what', async ({ page }) => {
  await page.getByRole('link', { name: 'Audit log' }).click();
  const row = page.locator('[data-action=ResizeEtcdInstance]');
  await row.getByText('Accepted').waitFor();
  await row.getByRole('button', { name: 'ResizeEtcdInstance' }).click();
  await page.getByText('"Size": 5').waitFor();
  await isSound(page, 'the audit log');
  await picture(page, 'audit');
  await page.getByRole('searchbox').fill('etcd-00000000');
  await page.getByRole('heading', { name: 'No change was asked for yet' }).waitFor();
});
