// A quorum that is lost for good.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { isSound, picture } = require('../browser.js');
const { LONG, chapter, confirmByName, dialog, memberProcess, members, running, tab, tasksDone, until } = require('../story.js');

/** Kills members and removes their data, as a lost disk does. */
function lose(names) {
  const lost = names.map(memberProcess);
  const wipe = ({ directory }) => fs.rmSync(directory, { recursive: true, force: true });
  lost.forEach(wipe);
  for (const member of lost) {
    process.kill(member.pid, 'SIGKILL');
    wipe(member); // what it wrote meanwhile
  }
}

chapter('a lost quorum is recovered from through the dialog, which tells first what is left', async ({ page, etcdctl }) => {
  await tab('Overview').click();
  await until('three members run', async () => (await running().count()) === 3);
  const leader = await page.locator('[data-role=Leader]').getAttribute('data-member');
  const names = await members().evaluateAll((all) => all.map((one) => one.dataset.member));
  const survivor = names.find((name) => name !== leader);
  lose(names.filter((name) => name !== survivor));
  await page.locator('[data-condition=Quorum].condition-bad').waitFor();
  await page.getByRole('button', { name: 'Recover by force' }).click();
  await dialog().getByRole('row', { name: survivor }).getByText('is gone on with').waitFor();
  assert.ok(await page.getByTestId('confirm').isDisabled(), 'a recovery needs the name');
  await isSound(page, 'the recovery');
  await picture(page, 'recover');
  await confirmByName();
  await tasksDone('Recover by force');
  await tab('Overview').click();
  await until('three members run', async () => (await running().count()) === 3 && (await members().count()) === 3);
  await page.locator('[data-healthy=true]').waitFor();
  assert.ok(memberProcess(survivor), 'the survivor is one of them');
  assert.match(etcdctl('get hello'), /^hello\nworld\n$/);
}, !LONG && 'it takes a minute: the long form tells it');
