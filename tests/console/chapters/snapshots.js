// Snapshots: taken, proved, shared, restored; and the policies that take them.
'use strict';

const assert = require('node:assert/strict');
const { isSound, picture } = require('../browser.js');
const { NAME, chapter, dialog, story, tab } = require('../story.js');

const snapshot = (name) => story.page.locator(`[data-snapshot="${name}"]`);

chapter('a snapshot is taken, and restored for proof', async ({ page }) => {
  await tab('Snapshots').click();
  await page.getByRole('button', { name: 'Take snapshot' }).click();
  await dialog().getByLabel('Snapshot').fill('');
  await dialog().getByRole('button', { name: 'Take snapshot' }).click();
  await dialog().getByText('This is required').waitFor();
  await dialog().getByLabel('Snapshot').fill('before-the-change');
  await isSound(page, 'the dialog of a snapshot');
  await dialog().getByRole('button', { name: 'Take snapshot' }).click();
  const row = snapshot('before-the-change');
  await row.locator('[data-status=done]').waitFor();
  await row.and(page.locator('[data-proof=passed]')).waitFor();
  await row.getByRole('button', { name: 'Verify' }).click();
  await page.getByTestId('confirm').click();
  await dialog().waitFor({ state: 'detached' });
  await row.getByRole('button', { name: 'before-the-change' }).click();
  await page.locator('main').getByText(/^[0-9a-f]{64}$/).waitFor();
  await row.and(page.locator('[data-proof=passed]')).waitFor();
  await isSound(page, 'snapshots');
  await picture(page, 'snapshots');
});

chapter('a snapshot is shared with other accounts, and with nobody again', async ({ page }) => {
  const row = snapshot('before-the-change');
  await row.getByRole('button', { name: 'Share' }).click();
  await dialog().getByLabel('Accounts').fill('1'.repeat(65));
  await dialog().getByText('At most 64 characters').waitFor();
  await dialog().getByLabel('Accounts').fill('100000000002, 100000000003');
  await isSound(page, 'the dialog of sharing');
  await picture(page, 'share');
  await dialog().getByRole('button', { name: 'Apply' }).click();
  await dialog().waitFor({ state: 'detached' });
  await page.getByRole('definition').getByText('100000000002, 100000000003').waitFor();
  await row.getByRole('button', { name: 'Share' }).click();
  assert.equal(await dialog().getByLabel('Accounts').inputValue(), '100000000002, 100000000003');
  await dialog().getByLabel('Accounts').fill('');
  await dialog().getByRole('button', { name: 'Apply' }).click();
  await page.getByRole('definition').getByText('Nobody').waitFor();
});

chapter('policies are made, changed and deleted', async ({ page }) => {
  await page.getByRole('button', { name: 'Create policy' }).click();
  await dialog().getByLabel('Policy').fill('nightly');
  await dialog().getByLabel('Backup every (seconds)').fill('86400');
  await dialog().getByLabel('Backups kept').fill('7');
  await dialog().getByRole('button', { name: 'Create policy' }).click();
  const row = page.locator('[data-policy=nightly]');
  await row.getByText('newest 7').waitFor();
  await row.getByRole('button', { name: 'Change' }).click();
  await dialog().getByLabel('Backups kept').fill('9');
  await dialog().getByRole('button', { name: 'Apply' }).click();
  await row.getByText('newest 9').waitFor();
  await row.getByRole('button', { name: 'Retention' }).click();
  await dialog().getByLabel('Days').fill('7');
  await dialog().getByLabel('Weeks').fill('4');
  await isSound(page, 'the retention');
  await dialog().getByRole('button', { name: 'Apply' }).click();
  await row.getByText('7 daily · 4 weekly').waitFor();
  await row.getByRole('button', { name: 'Delete' }).click();
  await page.getByLabel('Type nightly to confirm').fill('nightly');
  await page.getByTestId('confirm').click();
  await row.waitFor({ state: 'detached' });
});

chapter('a snapshot is restored in place, which needs the name, and what came later is gone', async ({ page, id, etcdctl }) => {
  assert.equal(etcdctl("put later 1").trim(), 'OK');
  await snapshot('before-the-change').getByRole('button', { name: 'Restore' }).click();
  await dialog().getByLabel('Restore to').selectOption('place');
  assert.ok(await page.getByTestId('confirm').isDisabled());
  await page.getByLabel(`Type ${NAME} to confirm`).fill(NAME);
  await isSound(page, 'the restore');
  await picture(page, 'restore');
  await page.getByTestId('confirm').click();
  await page.waitForURL(new RegExp(`/instances/${id}$`));
  await page.locator('main .heading [data-status=restoring]').waitFor();
  await page.locator('main .heading [data-status=running]').waitFor();
  assert.equal(etcdctl('get later'), '');
  assert.match(etcdctl('get hello'), /^hello\nworld\n$/);
});
