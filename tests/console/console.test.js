// The life of a cluster by the console, in a real browser, against the built server: tests/python/test_console.py
// starts both and says by the environment where they are. The tests are one story, told in order.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test: told } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { pathToFileURL } = require('node:url');
const { ORIGIN, PATIENCE, isSound, nothingWentWrong, picture, signIn, start, stop, visit } = require('./browser.js');

const NAME = 'orders';
/** What a first visit may load, in compressed bytes. */
const BUDGET = 350 * 1024;
/** The long form (`--e2e`) looks at every view in every dress. */
const LONG = process.env.CETCD_TEST_LONG === '1';
/** How many keys are written to see the charts move. */
const KEYS = 40;

let page;
let id;
let folder;
let keysBefore;
let broken;

/** A chapter. What follows one that failed would only fail too, and slowly. */
const test = (name, tell) => told(name, async (chapter) => {
  if (broken) return chapter.skip(`after "${broken}" failed`);
  broken = name;
  await tell();
  broken = undefined;
});

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cetcd-console-'));
  await start();
  page = await visit();
});
after(async () => {
  await stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

async function until(what, come) {
  for (const end = Date.now() + PATIENCE; ; await sleep(100)) {
    const answer = await come();
    if (answer) return answer;
    assert.ok(Date.now() < end, `not within ${PATIENCE} ms: ${what}`);
  }
}

/** The process that is the member, by its name among what runs from this server's data directory. */
function memberProcess(member) {
  const data = process.env.CETCD_TEST_DATA_DIR;
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const is = path.basename(words[0]) === 'etcd' && words.some((word) => word.includes(data));
      if (is && words.some((word) => word === member || word === `--name=${member}`)) return Number(pid);
    } catch {
      // It ended meanwhile.
    }
  }
  return undefined;
}

/** Runs what a user would paste, where the downloaded files are. */
function shell(text) {
  const env = { PATH: `${path.dirname(process.env.CETCD_TEST_ETCDCTL)}:${process.env.PATH}`, ETCDCTL_API: '3' };
  return execFileSync('sh', ['-c', text], { cwd: folder, env, encoding: 'utf8' });
}
/** The line of the page with other words after its options; known once the page has shown it. */
let etcdctl;

const members = () => page.locator('[data-member]');
const shownNumber = (metric) => page.locator(`[data-metric=${metric}]`).getAttribute('data-now');
const running = () => page.locator('[data-member][data-status=Running]');
const tab = (name) => page.getByRole('navigation', { name: 'Views of the instance' }).getByRole('link', { name });

test('a first visit loads little, shows a form at once, and is refused with a wrong key', async () => {
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

test('signing in leads to where one wanted to go, and says so where nothing is', async () => {
  await page.getByLabel('SecretKey').fill(process.env.TENCENTCLOUD_SECRET_KEY);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'There is no instance etcd-abcd1234 here' }).waitFor();
  await page.getByRole('link', { name: 'To the instances' }).click();
  await page.getByRole('heading', { name: 'No instance in this region yet' }).waitFor();
  await isSound(page, 'the empty list');
});

test('the wizard makes a cluster and shows its five steps', async () => {
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
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('survives the loss of 1').waitFor();
  await isSound(page, 'the review');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.waitForURL(/\/instances\/etcd-[a-z0-9]{8}$/);
  id = page.url().split('/').pop();
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

test('the downloaded files and the line to paste let etcdctl in', async () => {
  await tab('Access').click();
  for (const name of ['ca.crt', 'client.crt', 'client.key']) {
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: `Download ${name}` }).click(),
    ]);
    await file.saveAs(path.join(folder, name));
  }
  const line = await page.getByRole('tabpanel').locator('code').innerText();
  assert.match(line, /^etcdctl --endpoints https:\/\/127\./);
  etcdctl = (words) => shell(line.replace(/put hello world\s*$/, words));
  assert.equal(shell(line).trim(), 'OK');
  assert.match(etcdctl('get hello'), /^hello\nworld\n$/);
  await page.getByRole('tab', { name: 'Go' }).click();
  await page.keyboard.press('ArrowRight');
  await page.getByText('pip install etcd3gw').waitFor();
  await isSound(page, 'access');
  await picture(page, 'access');
  await page.getByRole('button', { name: 'Replace credentials' }).click();
  assert.ok(await page.getByTestId('confirm').isDisabled(), 'other credentials need the name');
  await isSound(page, 'the rotation');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await tab('Metrics').click();
  keysBefore = await until('members have been read', () => shownNumber('Keys'));
  assert.ok(Number(keysBefore) < KEYS, `${keysBefore} keys`);
  for (let number = 0; number < KEYS; number++) etcdctl(`put orders/${number} '{"number":${number}}'`);
});

test('a member that hangs is named, and is back once it was killed', async () => {
  await tab('Overview').click();
  await until('three members run', async () => (await running().count()) === 3);
  const member = `${id}-etcd-1`;
  const pid = await until('the member is a process', () => memberProcess(member));
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
  assert.notEqual(now, pid);
});

test('the charts have moved by what was written', async () => {
  await tab('Metrics').click();
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

test('keys are found by their prefix, and a value is shown as what it is', async () => {
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

const snapshot = (name) => page.locator(`[data-snapshot="${name}"]`);
const dialog = () => page.getByRole('dialog');

test('a snapshot is taken, and restored for proof', async () => {
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
  await isSound(page, 'snapshots');
  await picture(page, 'snapshots');
});

test('policies are made, changed and deleted', async () => {
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

test('a snapshot is restored in place, which needs the name, and what came later is gone', async () => {
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

test('a resize is asked for, followed and done', async () => {
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

test('events tell what was seen and done, as it happens', async () => {
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

test('the audit log says who changed what', async () => {
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

test('the API explorer shows the signature and sends', async () => {
  await page.getByRole('link', { name: 'API explorer' }).click();
  await page.getByRole('link', { name: 'DescribeEtcdQuota' }).click();
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByTestId('answer').getByText('"QuotaLimit": 5').waitFor();
  await picture(page, 'explorer');
  await page.getByRole('button', { name: 'Show signature' }).click();
  await page.getByText('TC3-HMAC-SHA256 Credential=').first().waitFor();
  // The request that was signed for curl is one that the API takes from any client.
  await page.getByRole('tab', { name: 'curl' }).click();
  const line = await page.getByRole('tabpanel').locator('code').innerText();
  const headers = [...line.matchAll(/-H '([^:]+): ([^']*)'/g)].map((found) => [found[1], found[2]]);
  const answer = await fetch(`${ORIGIN}/`, { method: 'POST', headers, body: '{}' });
  assert.equal((await answer.json()).Response.QuotaLimit, 5);
  await isSound(page, 'the explorer');
});

test('it is all there in Chinese, in the dark and on a phone', async () => {
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
  await phone.getByRole('button', { name: 'English' }).click();
  await phone.getByRole('link', { name: 'API explorer' }).waitFor();
  await phone.context().close();
});

test('by keyboard alone: past the navigation, into the list, through a dialog and back', async () => {
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

test('a deletion needs the name, and the cluster is gone', async () => {
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

test('signing out forgets the key', async () => {
  assert.notEqual(await page.evaluate(() => sessionStorage.getItem('cetcd.session')), null);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in to cetcd' }).waitFor();
  const kept = await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }));
  assert.ok(!kept.includes(process.env.TENCENTCLOUD_SECRET_KEY), kept);
  await page.goto(`${ORIGIN}/tasks`);
  await page.getByRole('heading', { name: 'Sign in to cetcd' }).waitFor();
});

test('the server still has all of the API that the page knows', async () => {
  const root = path.join(__dirname, '../../console');
  const { generate, missing } = await import(pathToFileURL(path.join(root, 'scripts/types.mjs')));
  const schema = await (await fetch(`${ORIGIN}/schema.json`)).json();
  assert.deepEqual(missing(fs.readFileSync(path.join(root, 'src/api/types.gen.ts'), 'utf8'), generate(schema)), []);
});

test('in all of this nothing was asked of elsewhere and no script failed', () => nothingWentWrong());
