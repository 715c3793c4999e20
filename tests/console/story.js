// The one story that the chapters tell: whose cluster it is, in which tab, and what they all do. The chapters follow
// each other in one process and hand on what they came to by `story`.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { PATIENCE, start, stop, visit } = require('./browser.js');

/** The long form (`--e2e`) looks at every view in every dress. */
const LONG = process.env.CETCD_TEST_LONG === '1';
/** Whether the server has a binary to run a Prometheus with. */
const PROMETHEUS = process.env.CETCD_TEST_PROMETHEUS === '1';

/** The instance's name. */
const NAME = 'orders';

const story = {
  /** The instance's ID, once it is made. */
  id: undefined,
  /** Chromium's tab. */
  page: undefined,
  /** Where downloads go, and what a user pastes is run. */
  folder: undefined,
  /** The page's line for etcdctl with other words after its options; known once the page has shown it. */
  etcdctl: undefined,
};
let broken;

/** A chapter. What follows one that failed would only fail too, and slowly. `skip` says why it cannot be told here. */
function chapter(name, tell, skip) {
  test(name, async (context) => {
    if (broken) return context.skip(`after "${broken}" failed`);
    if (skip) return context.skip(skip);
    broken = name;
    await tell(story);
    broken = undefined;
  });
}

before(async () => {
  story.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cetcd-console-'));
  await start();
  story.page = await visit();
});
after(async () => {
  await stop();
  fs.rmSync(story.folder, { recursive: true, force: true });
});

async function until(what, come) {
  for (const end = Date.now() + PATIENCE; ; await sleep(100)) {
    const answer = await come();
    if (answer) return answer;
    assert.ok(Date.now() < end, `not within ${PATIENCE} ms: ${what}`);
  }
}

/** The process that is the member, by its name among what runs from this server's data directory: its ID and its data. */
function memberProcess(member) {
  const data = process.env.CETCD_TEST_DATA_DIR;
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const flag = (name) => words.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
      const directory = flag('data-dir');
      if (path.basename(words[0]) === 'etcd' && flag('name') === member && directory?.startsWith(data)) return { pid: Number(pid), directory };
    } catch {
      // It ended meanwhile.
    }
  }
  return undefined;
}

/** Runs what a user would paste, where the downloaded files are. */
function shell(text, cwd = story.folder) {
  const env = { PATH: `${path.dirname(process.env.CETCD_TEST_ETCDCTL)}:${process.env.PATH}`, ETCDCTL_API: '3' };
  return execFileSync('sh', ['-c', text], { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

const dialog = () => story.page.getByRole('dialog');
const members = () => story.page.locator('[data-member]');
const running = () => story.page.locator('[data-member][data-status=Running]');
const tab = (name) => story.page.getByRole('navigation', { name: 'Views of the instance' }).getByRole('link', { name });

/** Types the name that a dialog asks for, confirms, and waits until the server has accepted it. */
async function confirmByName(name = NAME) {
  await story.page.getByLabel(`Type ${name} to confirm`).fill(name);
  await story.page.getByTestId('confirm').click();
  await dialog().waitFor({ state: 'detached' });
}

/** Waits until so many tasks of that kind are in the list of tasks, done. */
async function tasksDone(kind, count = 1) {
  await tab('Tasks').click();
  const done = story.page.locator('tr', { hasText: kind }).filter({ has: story.page.locator('[data-status=done]') });
  await done.nth(count - 1).waitFor();
}

module.exports = { LONG, NAME, PROMETHEUS, chapter, confirmByName, dialog, memberProcess, members, running, shell, story, tab, tasksDone, until };
