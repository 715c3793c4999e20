import { describe, expect, test } from 'vitest'
import { compareVersions, upgradeTargets } from '../src/api/versions'
import { EMPTY, stepOf, toRequest } from '../src/pages/create/request'
import { byZone, quorum } from '../src/pages/instance/quorum'
import { NEW, toMonitorSettings, UNWATCHED } from '../src/pages/prometheus'
import { matches } from '../src/pages/match'
import { bytes, interval } from '../src/pages/snapshots/backups'
import { ago, duration } from '../src/ui/Time'
import { generate, missing } from '../scripts/types.mjs'

describe('versions', () => {
  test('an upgrade goes to the same minor version or the next, never down', () => {
    const offered = ['v3.4.23', 'v3.5.9', 'v3.5.16', 'v3.5.30', 'v3.6.16', 'v3.7.3', 'v4.0.0']
    expect(upgradeTargets('v3.5.16', offered)).toEqual(['v3.6.16', 'v3.5.30'])
    expect(upgradeTargets('v3.7.3', offered)).toEqual([])
    expect(upgradeTargets('unknown', offered)).toEqual([])
  })

  test('are compared by numbers', () => {
    expect(compareVersions('v3.5.9', 'v3.5.16')).toBeLessThan(0)
    expect(compareVersions('v3.10.0', 'v3.9.9')).toBeGreaterThan(0)
  })
})

describe("the wizard's request", () => {
  const draft = { ...EMPTY, name: ' a ', version: 'v3.5.16', vpc: 'vpc-1', serviceSubnet: 's', subnets: ['s'] }

  test('leaves out what was left empty', () => {
    expect(toRequest(draft)).toEqual({
      Name: 'a',
      VpcId: 'vpc-1',
      ServiceSubnetId: 's',
      SubnetIds: ['s'],
      EtcdVersion: 'v3.5.16',
      Size: 3,
      AdvancedSettings: { SecuritySettings: { Https: true, ClientCertAuth: true } },
      DeletionProtection: false,
    })
  })

  test('has numbers where numbers were typed, and keeps other texts to be refused', () => {
    const request = toRequest({ ...draft, backupInterval: '3600', backupCount: 'x', diskSize: '50' })
    expect(request.AdvancedSettings!.BackupSettings).toEqual({ BackupInterval: 3600, MaxBackupCount: 'x' })
    expect(request.DiskSize).toBe(50)
  })

  test('asks for no client certificate where there is no TLS', () => {
    const { SecuritySettings } = toRequest({ ...draft, https: false }).AdvancedSettings!
    expect(SecuritySettings).toEqual({ Https: false, ClientCertAuth: false })
  })

  test('names the Prometheus that is to watch, or has one made in the subnet of the endpoint', () => {
    const asked = (change: object) => toRequest({ ...draft, watch: { ...UNWATCHED, ...change } }).AdvancedSettings!.MonitorSettings
    expect(asked({ by: 'prom-abcd1234' })).toEqual({ ExistedPrometheusInstanceId: 'prom-abcd1234' })
    const made = { SubnetId: 's', DataRetention: 3, GrafanaUserName: 'admin', GrafanaPassword: 'x' }
    expect(asked({ by: NEW, retention: '3', password: 'x' })).toEqual({ PrometheusCreationParam: made })
    expect(asked({ by: NEW, retention: 'for ever' })!.PrometheusCreationParam!.DataRetention).toBe('for ever')
  })

  test('every path belongs to the step that asks for it', () => {
    expect(stepOf('Name')).toBe(0)
    expect(stepOf('SubnetIds.1')).toBe(1)
    expect(stepOf('AdvancedSettings.CustomDomains')).toBe(1)
    expect(stepOf('AdvancedSettings.BackupSettings.BackupInterval')).toBe(2)
    expect(stepOf('AdvancedSettings.MonitorSettings.PrometheusCreationParam.DataRetention')).toBe(2)
  })
})

test('an instance that nobody is to watch any more is taken from its Prometheus', () => {
  expect(toMonitorSettings(UNWATCHED, 's')).toEqual({ ExistedPrometheusInstanceId: '' })
})

test('members are grouped by zone, and a quorum is more than half', () => {
  const member = (Name: string, Zone: string) => ({ Name, Zone, Version: '', Status: 'Running' })
  const zones = byZone([member('a', 'z2'), member('b', 'z1'), member('c', 'z2')])
  expect(zones.map(([zone, members]) => [zone, members.length])).toEqual([['z1', 1], ['z2', 2]])
  expect([1, 2, 3, 5].map(quorum)).toEqual([1, 2, 2, 3])
})

test('the list is narrowed by words, status and VPC together', () => {
  const instance = { InstanceId: 'etcd-abcd1234', Name: 'Orders', VpcId: 'vpc-1', Version: 'v3.5.16', Status: 'running' }
  expect(matches(instance, {})).toBe(true)
  expect(matches(instance, { q: ' orders ' })).toBe(true)
  expect(matches(instance, { q: 'ABCD' })).toBe(true)
  expect(matches(instance, { q: 'other' })).toBe(false)
  expect(matches(instance, { q: 'orders', status: 'creating' })).toBe(false)
  expect(matches(instance, { vpc: 'vpc-2' })).toBe(false)
})

test('sizes, intervals and times are told in words', () => {
  expect([bytes(0), bytes(1023), bytes(1536), bytes(3 * 2 ** 20), bytes(null)]).toEqual(['0 B', '1023 B', '1.5 KiB', '3.0 MiB', '–'])
  expect([interval(3600), interval(90), interval(86_400), interval(60)]).toEqual(['1 h', '90 s', '1 d', '1 min'])
  const now = Date.parse('2026-11-23T10:00:00Z')
  expect(ago(new Date(now - 125_000), now, 'en')).toBe('2 minutes ago')
  expect(ago(new Date(now + 500), now, 'en')).toBe('now')
  expect(duration('2026-11-23T09:58:00Z', null, now)).toBe('2 min 0 s')
  expect(duration('2026-11-23T10:00:00Z', '2026-11-23T10:00:00Z', now)).toBe('< 1 s')
})

describe('types from the schema', () => {
  const schema = (properties: object, required: string[]) => ({
    $defs: { Thing: { properties, required } },
    'x-actions': {},
  })
  const text = { type: 'string' }
  const structures = (all: object) => generate(all)['structures.gen.ts']
  const old = structures(schema({ A: text }, ['A']))

  test('say what is required, listed and null', () => {
    const list = { type: 'array', items: { $ref: '#/$defs/Thing' } }
    const made = structures(schema({ A: { anyOf: [list, { type: 'null' }] }, B: { enum: ['x'], type: 'string' } }, ['B']))
    expect(made).toContain('export interface Thing {\n  A?: Thing[] | null\n  B: string\n}')
  })

  test('a server that has more is fine, one that lacks something is not', () => {
    expect(missing(old, structures(schema({ A: text, B: text }, ['A'])))).toEqual([])
    expect(missing(old, structures(schema({ B: text }, [])))).toEqual(['Thing: A: string'])
    expect(missing(old, structures(schema({ A: text }, [])))).toEqual(['Thing: A: string'])
    expect(missing(old, structures({ $defs: {}, 'x-actions': {} }))).toContain('Thing')
  })
})
