import { describe, expect, test } from 'vitest'
import { chartOf, CHIEF, GROUPS, perSecond, seconds } from '../src/charts/list'
import { beginning, summarize, tabulate } from '../src/charts/series'
import { rangeOf } from '../src/pages/instance/ranges'
import { digest } from '../src/pages/snapshots/backups'

const series = (Member: string, points: [number, number][], MetricName = 'Requests') => ({
  MetricName,
  Unit: 'per second',
  Member: `etcd-abcd1234-${Member}`,
  Timestamps: points.map(([moment]) => moment),
  Values: points.map(([, value]) => value),
})

describe('the table of a chart', () => {
  test('has a column for each member, by number, over the moments of all', () => {
    const table = tabulate(
      [series('etcd-10', [[20, 3]]), series('etcd-2', [[10, 1], [20, 2]]), series('etcd-2', [[10, 9]], 'Keys')],
      'Requests',
      10,
    )
    expect(table.members).toEqual(['etcd-abcd1234-etcd-2', 'etcd-abcd1234-etcd-10'])
    expect(table.moments).toEqual([10, 20])
    expect(table.values).toEqual([[1, 2], [undefined, 3]])
  })

  test('lets a line go on over one reading that was missed, and ends it where several were', () => {
    const table = tabulate([series('etcd-0', [[10, 1], [30, 1], [90, 1]]), series('etcd-1', [[20, 1]])], 'Requests', 10)
    expect(table.moments).toEqual([10, 20, 30, 60, 90])
    expect(table.values[0]).toEqual([1, undefined, 1, null, 1])
  })

  test('is empty where nothing was read', () => {
    const table = tabulate([series('etcd-0', [])], 'Requests', 10)
    expect(table).toEqual({ members: [], moments: [], values: [] })
    expect(summarize(table, 'sum', 10)).toBeUndefined()
  })

  test('begins shortly before the first value, and is never very short', () => {
    const table = tabulate([series('etcd-0', [[500, 1]])], 'Requests', 10)
    expect(beginning([table], 100, 1000)).toBe(500)
    expect(beginning([table], 600, 1000)).toBe(600)
    expect(beginning([table], 0, 510)).toBe(330)
    expect(beginning([], 100, 1000)).toBe(100)
  })
})

describe('the number above a chart', () => {
  const table = tabulate([series('etcd-0', [[10, 5], [100, 0]]), series('etcd-1', [[10, 7], [100, 1]])], 'Requests', 10)
  test('is made of the newest values of all members', () => {
    expect(summarize(table, 'sum', 10)).toBe(1)
    expect(summarize(table, 'max', 10)).toBe(1)
    expect(summarize(table, 'leader', 10)).toBe(1)
  })
  test('counts what happened once, though every member saw it', () => expect(summarize(table, 'total', 10)).toBe(8))
  test('leaves out who was not read lately', () => {
    const gone = tabulate([series('etcd-0', [[10, 5]]), series('etcd-1', [[100, 7]])], 'Requests', 10)
    expect(summarize(gone, 'sum', 10)).toBe(7)
  })
})

test('numbers are written so that they can be read', () => {
  expect([perSecond(0.123), perSecond(12.34), perSecond(1234.5)]).toEqual(['0.12/s', '12.3/s', '1,235/s'])
  expect([seconds(0), seconds(0.0000123), seconds(0.0123), seconds(1.5)]).toEqual(['0 ms', '12.3 µs', '12.3 ms', '1.5 s'])
})

test('every chart is there once, and the overview shows some of them', () => {
  const metrics = GROUPS.flatMap((group) => group.charts.map((chart) => chart.metric))
  expect(new Set(metrics).size).toBe(metrics.length)
  for (const metric of CHIEF) expect(chartOf(metric)).toBeDefined()
  expect(rangeOf('1h').seconds).toBe(3600)
  expect(rangeOf('nonsense').seconds).toBe(900)
})

test('the newest snapshot is one that is there, the newest restore test one that ended', () => {
  const snapshots = [
    { Name: 'c', State: 'running', RequestedAt: '2026-01-03', StoredSize: null },
    { Name: 'b', State: 'done', RequestedAt: '2026-01-02', StoredSize: 5 },
    { Name: 'a', State: 'done', RequestedAt: '2026-01-01', StoredSize: 7, ProvedAt: '2026-01-02', ProofState: 'failed' },
  ]
  const { newest, proved, stored } = digest(snapshots)
  expect([newest?.Name, proved?.Name, stored]).toEqual(['b', 'a', 12])
  expect(digest([])).toEqual({ stored: 0 })
})
