// The console for everyone: in Chinese, in the dark, on a phone, by keyboard alone.
'use strict';

const assert = require('node:assert/strict');
const { ORIGIN, isSound, picture, signIn, visit } = require('../browser.js');
const { LONG, NAME, chapter } = require('../story.js');

chapter('it is all there in Chinese, in the dark and on a phone', async ({ id }) => {
  const phone = await visit({ viewport: { width: 390, height: 844 }, locale: 'zh-CN', colorScheme: 'dark' });
  await phone.goto(ORIGIN);
  await phone.getByRole('heading', { name: '登录 cetcd' }).waitFor();
  assert.equal(await phone.locator('html').getAttribute('lang'), 'zh-CN');
  await signIn(phone, `/instances/${id}`);
  await phone.getByRole('heading', { name: '健康状况' }).waitFor();
  const views = [
    ['/instances', '实例', 'list-phone'],
    ['/instances/new', '新建实例'],
    [`/instances/${id}`, NAME, 'overview-phone'],
    [`/instances/${id}/metrics`, NAME, 'metrics-phone'],
    [`/instances/${id}/configuration`, NAME],
    [`/instances/${id}/access`, NAME],
    [`/instances/${id}/snapshots`, NAME, 'snapshots-phone'],
    [`/instances/${id}/keys`, NAME],
    ['/tasks', '任务'],
    ['/audit', '审计日志'],
    ['/explorer/CreateEtcdInstance', 'API 浏览器'],
  ];
  // The quick form looks at those that a picture is kept of.
  for (const [address, heading, name] of views.filter((view) => LONG || view[2])) {
    await phone.goto(ORIGIN + address);
    await phone.getByRole('heading', { level: 1, name: heading }).waitFor();
    await phone.locator('.state[role=status]').first().waitFor({ state: 'detached' }); // what said that it loads
    await isSound(phone, `${address} in Chinese, dark, 390 pixels`);
    if (name) await picture(phone, name);
  }
  await phone.goto(`${ORIGIN}/instances/${id}/snapshots`);
  for (const action of ['共享', '恢复']) {
    await phone.locator('[data-snapshot="before-the-change"]').getByRole('button', { name: action, exact: true }).click();
    await phone.getByRole('dialog').getByRole('heading').waitFor();
    await isSound(phone, `the dialog ${action} in Chinese, dark, 390 pixels`);
    await phone.keyboard.press('Escape');
    await phone.getByRole('dialog').waitFor({ state: 'detached' });
  }
  await phone.goto(`${ORIGIN}/instances/new`);
  await phone.getByLabel('名称').fill('订单');
  for (let step = 0; step < 2; step++) await phone.getByRole('button', { name: '下一步' }).click();
  await phone.getByLabel('Prometheus 监控').selectOption('new');
  await phone.getByLabel('数据保留天数').fill('0');
  await isSound(phone, 'the choice of a Prometheus in Chinese, dark, 390 pixels');
  await picture(phone, 'create-phone', { fullPage: true });
  await phone.getByRole('button', { name: 'English' }).click();
  await phone.getByRole('link', { name: 'API explorer' }).waitFor();
  await phone.context().close();
});

chapter('by keyboard alone: past the navigation, into the list, through a dialog and back', async ({ page }) => {
  await page.goto(`${ORIGIN}/instances`);
  await page.getByRole('link', { name: NAME }).waitFor();
  await picture(page, 'list');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter'); // "Skip to the content"
  const remove = page.getByRole('button', { name: `Delete ${NAME}` });
  for (let presses = 0; !(await remove.evaluate((button) => button === document.activeElement)); presses++) {
    assert.ok(presses < 30, 'the button is not reached');
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.ok(await remove.evaluate((button) => button === document.activeElement), 'the focus is where it was');
});
