import { describe, expect, test } from 'vitest'
import type { Schema } from '../src/api/schema'
import { validate } from '../src/api/validate'

// The shapes that the server's schema has, one of each.
const schema = {
  $defs: {
    Request: {
      type: 'object',
      required: ['Name', 'Size', 'SubnetIds'],
      properties: {
        Name: { type: 'string', minLength: 1, maxLength: 5 },
        Size: { type: 'integer', enum: [1, 3, 5] },
        SubnetIds: { type: 'array', items: { type: 'string', minLength: 1, maxLength: 64 }, minItems: 1, maxItems: 2 },
        DiskSize: { anyOf: [{ type: 'integer', minimum: 1, maximum: 32000 }, { type: 'null' }] },
        Settings: { anyOf: [{ $ref: '#/$defs/Settings' }, { type: 'null' }] },
      },
    },
    Settings: {
      type: 'object',
      required: [],
      properties: {
        Domains: { anyOf: [{ type: 'string', 'x-format': 'domain names, comma separated' }, { type: 'null' }] },
        IPs: { anyOf: [{ type: 'string', 'x-format': 'IP addresses, comma separated' }, { type: 'null' }] },
        Retention: { type: 'string', minLength: 1, maxLength: 32, 'x-format': 'duration or number' },
        Mode: { type: 'string', enum: ['periodic', 'revision'] },
        On: { type: 'boolean' },
      },
    },
  },
} as unknown as Schema

const good = { Name: 'a', Size: 3, SubnetIds: ['s'] }
const wrong = (change: object) =>
  validate(schema, 'Request', { ...good, ...change }).map((problem) => `${problem.path} ${problem.rule}`)
const settings = (change: object) => wrong({ Settings: change })

test('a good request has no problem', () => {
  expect(wrong({})).toEqual([])
  expect(wrong({ DiskSize: null, Settings: null })).toEqual([])
  expect(settings({ Domains: '*.a.example, b', IPs: '192.0.2.1, 2001:db8::1', Retention: '1h30m', Mode: 'periodic', On: true })).toEqual([])
})

describe('each kind of problem is found where it is', () => {
  test.each([
    [{ Name: undefined }, ['Name required']],
    [{ Name: '' }, ['Name required']],
    [{ Name: '123456' }, ['Name tooLong']],
    [{ Name: '鍵鍵鍵鍵鍵' }, []],
    [{ Name: '𠮷𠮷𠮷𠮷𠮷' }, []],
    [{ Name: 1 }, ['Name type']],
    [{ Size: 2 }, ['Size choice']],
    [{ Size: '3' }, ['Size type']],
    [{ SubnetIds: [] }, ['SubnetIds tooFew']],
    [{ SubnetIds: ['a', 'b', 'c'] }, ['SubnetIds tooMany']],
    [{ SubnetIds: ['a', ''] }, ['SubnetIds.1 tooShort']],
    [{ DiskSize: 0 }, ['DiskSize range']],
    [{ DiskSize: 'many' }, ['DiskSize type']],
    [{ Settings: [] }, ['Settings type']],
    [{ Other: 1 }, ['Other unknown']],
  ])('%j', (change, problems) => expect(wrong(change)).toEqual(problems))
})

describe('formats are those of the server', () => {
  test.each(['a..b', '-a.example', '*.*.example', 'a_b', 'a,'])('%s is no list of domains', (text) =>
    expect(settings({ Domains: text })).toEqual(['Settings.Domains domains']),
  )
  test.each(['256.0.0.1', '1.2.3', '2001:db8:::1', 'host', '1.2.3.4,'])('%s is no list of addresses', (text) =>
    expect(settings({ IPs: text })).toEqual(['Settings.IPs addresses']),
  )
  test.each(['0', '0s', 'h', '5x', '-1', '1h 5m'])('%s is no retention', (text) =>
    expect(settings({ Retention: text })).toEqual(['Settings.Retention retention']),
  )
  test.each(['1', '10000', '5m', '2h', '1h30m10s', '90s'])('%s is a retention', (text) =>
    expect(settings({ Retention: text })).toEqual([]),
  )
})
