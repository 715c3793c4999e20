// A life of an instance by the official Node SDK: CETCD_TEST_ENDPOINT, CETCD_TEST_ETCD_VERSION and the
// TENCENTCLOUD_ variables come from the suite that starts the server (tests/python/test_other_sdks.py).
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { cetcd } = require('tencentcloud-sdk-nodejs/tencentcloud/services/cetcd');

function connect(signMethod, reqMethod) {
  return new cetcd.v20220325.Client({
    credential: {
      secretId: process.env.TENCENTCLOUD_SECRET_ID,
      secretKey: process.env.TENCENTCLOUD_SECRET_KEY,
    },
    region: 'ap-guangzhou',
    profile: { signMethod, httpProfile: { protocol: 'http://', endpoint: process.env.CETCD_TEST_ENDPOINT, reqMethod } },
  });
}

async function until(what, patience, come) {
  for (const end = Date.now() + patience; ; await sleep(100)) {
    const answer = await come();
    if (answer) return answer;
    assert.ok(Date.now() < end, `not within ${patience} ms: ${what}`);
  }
}

for (const signMethod of ['TC3-HMAC-SHA256', 'HmacSHA1', 'HmacSHA256']) {
  for (const reqMethod of ['POST', 'GET']) {
    test(`reads are answered: ${signMethod}, ${reqMethod}`, async () => {
      const client = connect(signMethod, reqMethod);
      assert.equal((await client.DescribeEtcdQuota()).QuotaLimit, 5);
      const found = await client.DescribeEtcdInstances({
        Filters: [{ Name: 'vpc-id', Values: ['vpc-none', 'vpc-nowhere'] }],
        Limit: 5,
      });
      assert.equal(found.TotalCount, 0);
    });
  }
}

test('an instance is created, followed, described and deleted', async () => {
  const client = connect('TC3-HMAC-SHA256', 'POST');
  const { Versions } = await client.DescribeEtcdAvailableVersions();
  assert.ok(Versions.some((offered) => offered.Version === process.env.CETCD_TEST_ETCD_VERSION));
  const { InstanceId } = await client.CreateEtcdInstance({
    Name: 'by-node',
    VpcId: 'vpc-abcd1234',
    ServiceSubnetId: 'subnet-abcd1234',
    SubnetIds: ['subnet-abcd1234'],
    EtcdVersion: process.env.CETCD_TEST_ETCD_VERSION,
    Size: 1,
    AdvancedSettings: { SecuritySettings: { Https: true, ClientCertAuth: true } },
    DeletionProtection: true,
  });
  await until('five steps are successful', 60_000, async () => {
    const { Steps } = await client.DescribeEtcdCreatingProgress({ InstanceId });
    assert.equal(Steps.length, 5);
    return Steps.every((step) => step.LifeState === 'success');
  });
  const describe = async () => (await client.DescribeEtcdInstances({ InstanceIds: [InstanceId] })).Etcds ?? [];
  const etcd = await until('running', 5_000, async () => (await describe()).find((e) => e.Status === 'running'));
  assert.equal(etcd.Name, 'by-node');
  assert.equal(etcd.DeletionProtection, true);
  const { Credentials } = await client.DescribeEtcdCredentials({ InstanceId });
  assert.match(Credentials[0].Key, /^-----BEGIN [A-Z ]*PRIVATE KEY-----/);

  const remove = () => client.request('DeleteEtcdInstance', { InstanceId });
  await assert.rejects(remove, (refused) => refused.code === 'OperationDenied');
  await client.DisableEtcdInstanceDeletionProtection({ InstanceId });
  await remove();
  await until('gone', 60_000, async () => (await describe()).length === 0);
  await assert.rejects(client.DescribeEtcdCredentials({ InstanceId }), (refused) => refused.code === 'ResourceNotFound');
});
