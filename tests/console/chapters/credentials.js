// What lets clients in, and how it is replaced.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { isSound, picture } = require('../browser.js');
const { chapter, confirmByName, dialog, shell, story, tab, tasksDone, until } = require('../story.js');

const FILES = ['ca.crt', 'client.crt', 'client.key'];

const read = (folder, name) => fs.readFileSync(path.join(folder, name), 'utf8');

/** Downloads the files that a client needs into `folder`, and says how many authorities they trust. */
async function download(folder) {
  await tab('Access').click();
  for (const name of FILES) {
    const [file] = await Promise.all([
      story.page.waitForEvent('download'),
      story.page.getByRole('button', { name: `Download ${name}` }).click(),
    ]);
    await file.saveAs(path.join(folder, name));
  }
  return read(folder, 'ca.crt').split('BEGIN CERTIFICATE').length - 1;
}

chapter('the downloaded files and the line to paste let etcdctl in', async ({ page, folder }) => {
  await download(folder);
  const line = await page.getByRole('tabpanel').locator('code').innerText();
  assert.match(line, /^etcdctl --endpoints https:\/\/127\./);
  story.etcdctl = (words, from) => shell(line.replace(/put hello world\s*$/, words), from);
  assert.equal(shell(line).trim(), 'OK');
  assert.match(story.etcdctl('get hello'), /^hello\nworld\n$/);
  await page.getByRole('tab', { name: 'Go' }).click();
  await page.keyboard.press('ArrowRight');
  await page.getByText('pip install etcd3gw').waitFor();
  await isSound(page, 'access');
  await picture(page, 'access');
});

chapter('credentials are replaced through the dialog: first both let a client in, then the new ones alone', async ({ page, folder, etcdctl }) => {
  const former = path.join(folder, 'former');
  fs.mkdirSync(former);
  for (const name of FILES) fs.copyFileSync(path.join(folder, name), path.join(former, name));
  await page.getByRole('button', { name: 'Replace credentials' }).click();
  assert.ok(await page.getByTestId('confirm').isDisabled(), 'other credentials need the name');
  await dialog().getByLabel('Overlap (seconds)').fill('3600');
  await isSound(page, 'the rotation');
  await confirmByName();
  await page.getByRole('region', { name: 'Under way' }).getByText('Replace credentials').waitFor();
  await tasksDone('Replace credentials');
  await until('the former authority is trusted, too', async () => await download(folder) === 2);
  assert.notEqual(read(folder, 'client.key'), read(former, 'client.key'));
  assert.equal(etcdctl('put rotated yes').trim(), 'OK');
  assert.match(etcdctl('get hello', former), /^hello\nworld\n$/);

  await page.getByRole('button', { name: 'End the overlap now' }).click();
  await confirmByName();
  await tasksDone('Replace credentials', 2);
  await until('the new authority alone is trusted', async () => await download(folder) === 1);
  assert.match(etcdctl('get rotated'), /^rotated\nyes\n$/);
  assert.throws(() => etcdctl('get hello --dial-timeout=3s --command-timeout=3s', former), 'the former credentials are good for ever');
});
