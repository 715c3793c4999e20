// The first visit, and a cluster made with the wizard.
'use strict';

const assert = require('node:assert/strict');
const { ORIGIN, isSound, picture, visit } = require('../browser.js');
const { NAME, PROMETHEUS, chapter, running, story, tab, until } = require('../story.js');

/** What a first visit may load, in compressed bytes. */
const BUDGET = 350 * 1024;

chapter('a first visit loads little, shows a form at once, and is refused with a wrong key', async ({ page }) => {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  let bytes = 0;
  session.on('Network.loadingFinished', (event) => { bytes += event.encodedDataLength; });
  const began = Date.now();
  await page.goto(`${ORIGIN}/instances/etcd-abcd1234?x=1`);
  await page.getByLabel('SecretId').fill(process.env.TENCENTCLOUD_SECRET_ID);
  console.log(`first visit: ${Math.round(bytes / 1024)} KiB, usable after ${Date.now() - began} ms`);
  assert.ok(bytes > 50_000 && bytes <= BUDGET, `${bytes} bytes`);
  assert.ok(new URL(page.url()).pathname === '/sign-in', page.url());
  await page.getByLabel('SecretKey').fill('not the key');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('AuthFailure.SignatureFailure').waitFor();
  await isSound(page, 'sign-in with an error');
  await picture(page, 'sign-in');
});

chapter('signing in leads to where one wanted to go, and says so where nothing is', async ({ page }) => {
  await page.getByLabel('SecretKey').fill(process.env.TENCENTCLOUD_SECRET_KEY);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'There is no instance etcd-abcd1234 here' }).waitFor();
  await page.getByRole('link', { name: 'To the instances' }).click();
  await page.getByRole('heading', { name: 'No instance in this region yet' }).waitFor();
  await isSound(page, 'the empty list');
});

chapter('the wizard makes a cluster and shows its five steps', async ({ page }) => {
  await page.getByRole('link', { name: 'Create instance' }).first().click();
  await page.getByLabel('Name').waitFor();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('This is required').waitFor();
  await page.getByLabel('Name').fill('x'.repeat(61));
  await page.getByText('At most 60 characters').waitFor();
  await isSound(page, 'the wizard with a mistake');
  await page.getByLabel('Name').fill(NAME);
  await page.getByLabel('Version').selectOption(process.env.CETCD_TEST_ETCD_VERSION);
  await picture(page, 'create');
  await page.getByRole('button', { name: 'Next' }).click();
  for (const subnet of ['subnet-abcd1234', 'subnet-abcd2345', 'subnet-abcd3456']) {
    assert.ok(await page.getByLabel(subnet, { exact: false }).last().isChecked(), subnet);
  }
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('Kept', { exact: true }).fill('1 hour');
  await page.getByText('A number above 0, or a length of time').waitFor();
  await page.getByLabel('Kept', { exact: true }).fill('1h');
  await page.getByLabel('Prometheus', { exact: true }).selectOption('new');
  await page.getByLabel('Days that it keeps').fill('3651');
  await page.getByText('A whole number from 1 to 3650').waitFor();
  assert.equal(await page.getByText('This is required').count(), 0, 'nobody has been asked for a password yet');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('This is required').waitFor(); // the password
  await isSound(page, 'the wizard with a new Prometheus');
  await page.getByLabel('Days that it keeps').fill('3');
  await page.getByLabel("Password of Grafana's user").fill('correct horse');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('survives the loss of 1').waitFor();
  await page.getByText('A new one that keeps 3 days').waitFor();
  assert.ok(!(await page.locator('main').innerHTML()).includes('correct horse'), 'the password is shown');
  await isSound(page, 'the review');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  if (!PROMETHEUS) {
    // The server has no binary to run: the page says what the API says of it, and goes on without.
    await page.getByRole('alert').getByText('it has no binary to run').waitFor();
    await page.getByRole('alert').getByText('UnsupportedOperation').waitFor();
    await page.getByRole('button', { name: 'Options' }).click();
    await page.getByLabel('Prometheus', { exact: true }).selectOption('none');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('button', { name: 'Create', exact: true }).click();
  }
  await page.waitForURL(/\/instances\/etcd-[a-z0-9]{8}$/);
  story.id = page.url().split('/').pop();
  for (const step of ['prepare_env', 'install_suit', 'create_etcd', 'install_monitor', 'create_backup_policy']) {
    await page.locator(`[data-step=${step}][data-state=success]`).waitFor();
  }
  await page.getByRole('heading', { name: NAME }).waitFor();
  await page.locator('main .heading [data-status=running]').waitFor();
  await until('three members run', async () => (await running().count()) === 3);
  assert.equal(await page.locator('.zone').count(), 3, 'a zone each');
  await page.locator('[data-healthy=true]').waitFor();
  await page.locator('[data-role=Leader]').waitFor();
  assert.equal(await page.locator('[data-role=Voter]').count(), 2);
  await page.locator('[data-role=Leader]').getByText('in step').waitFor();
  await isSound(page, 'the overview');
  await picture(page, 'created');
});

const absent = PROMETHEUS ? undefined : 'the server under test has no prometheus binary';

chapter('the Prometheus that was made with it reads all of its members', async ({ page }) => {
  await tab('Configuration').click();
  const form = page.getByRole('form', { name: 'Prometheus' });
  await form.getByText('It reads 3 of 3 members.').waitFor();
  assert.match(await form.getByLabel('Watched by').inputValue(), /^prom-[a-z0-9]{8}$/);
  assert.ok(await form.getByRole('button', { name: 'Apply' }).isDisabled(), 'nothing else was chosen');
  await isSound(page, 'the configuration of an instance that is watched');
}, absent);

chapter('the wizard offers it to the next instance', async ({ page, id }) => {
  const made = await page.getByRole('form', { name: 'Prometheus' }).getByLabel('Watched by').inputValue();
  await page.goto(`${ORIGIN}/instances/new`);
  await page.getByLabel('Name').fill('another');
  for (let step = 0; step < 2; step++) await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('Prometheus', { exact: true }).selectOption(made);
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('definition').getByText(made).waitFor();
  await page.goto(`${ORIGIN}/instances/${id}`);
}, absent);
