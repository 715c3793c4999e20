// The API explorer.
'use strict';

const assert = require('node:assert/strict');
const { ORIGIN, isSound, picture } = require('../browser.js');
const { chapter } = require('../story.js');

chapter('the API explorer shows the signature and sends', async ({ page }) => {
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
