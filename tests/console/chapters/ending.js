// The cluster is deleted, and the visit ends.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { ORIGIN, isSound, nothingWentWrong, picture } = require('../browser.js');
const { NAME, chapter, memberProcess } = require('../story.js');

chapter('a deletion needs the name, and the cluster is gone', async ({ page, id }) => {
  await page.getByRole('button', { name: `Delete ${NAME}` }).click();
  const confirm = page.getByTestId('confirm');
  assert.ok(await confirm.isDisabled());
  await page.getByLabel(`Type ${NAME} to confirm`).fill('order');
  assert.ok(await confirm.isDisabled());
  await isSound(page, 'the confirmation');
  await picture(page, 'delete');
  await page.getByLabel(`Type ${NAME} to confirm`).fill(NAME);
  await confirm.click();
  await page.getByRole('heading', { name: 'No instance in this region yet' }).waitFor();
  assert.equal(memberProcess(`${id}-etcd-0`), undefined);
});

chapter('signing out forgets the key', async ({ page }) => {
  assert.notEqual(await page.evaluate(() => sessionStorage.getItem('cetcd.session')), null);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in to cetcd' }).waitFor();
  const kept = await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }));
  assert.ok(!kept.includes(process.env.TENCENTCLOUD_SECRET_KEY), kept);
  await page.goto(`${ORIGIN}/tasks`);
  await page.getByRole('heading', { name: 'Sign in to cetcd' }).waitFor();
});

chapter('the server still has all of the API that the page knows', async () => {
  const root = path.join(__dirname, '../../../console');
  const { generate, missing } = await import(pathToFileURL(path.join(root, 'scripts/types.mjs')));
  const schema = await (await fetch(`${ORIGIN}/schema.json`)).json();
  for (const [file, served] of Object.entries(generate(schema))) {
    assert.deepEqual(missing(fs.readFileSync(path.join(root, 'src/api', file), 'utf8'), served), [], file);
  }
});

chapter('in all of this nothing was asked of elsewhere and no script failed', () => nothingWentWrong());
