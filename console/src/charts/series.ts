// What a chart is drawn from: DescribeEtcdMetrics tells a series for each member, uPlot wants one table.

import type { EtcdMetricSeries } from '../api/types'

/**
 * A chart's lines over the same moments. Where a member has no value, `undefined` lets its line go on to the next one,
 * `null` ends it: members are not read at the very same moments, but who was not read for long has a gap.
 */
export interface Table {
  /** Names of the members, in the order of their numbers. */
  members: string[]
  /** Seconds since 1970, rising. */
  moments: number[]
  /** For each member a value for each moment. */
  values: (number | null | undefined)[][]
}

/** Series without a reading for this many periods have a gap: a line across it would claim what nobody saw. */
const GAP = 2.5
/** The same for what members tell only now and then. */
const SPARSE_GAP = 8
/** A chart is at least this many seconds long. */
const LEAST = 180

/** The number at the end of `etcd-abcd1234-etcd-2`. */
export function ordinal(member: string): number {
  return Number(/-(\d+)$/.exec(member)?.[1] ?? 0)
}

/** The series of one metric as one table. `period` is the distance of points, in seconds. */
export function tabulate(all: EtcdMetricSeries[], metric: string, period: number, sparse = false): Table {
  const series = all
    .filter((one) => one.MetricName === metric && one.Timestamps.length > 0)
    .sort((a, b) => ordinal(a.Member) - ordinal(b.Member))
  const longest = (sparse ? SPARSE_GAP : GAP) * period
  const moments = [...new Set(series.flatMap((one) => [...one.Timestamps, ...gaps(one.Timestamps, longest)]))]
  moments.sort((a, b) => a - b)
  const values = series.map((one) => {
    const at = new Map<number, number | null>(one.Timestamps.map((moment, index) => [moment, one.Values[index] ?? null]))
    for (const moment of gaps(one.Timestamps, longest)) at.set(moment, null)
    return moments.map((moment) => at.get(moment))
  })
  return { members: series.map((one) => one.Member), moments, values }
}

/** A moment in the middle of each gap. */
function gaps(moments: number[], longest: number): number[] {
  return moments.flatMap((moment, index) => {
    const before = moments[index - 1]
    return before !== undefined && moment - before > longest ? [(before + moment) / 2] : []
  })
}

/** Where a chart begins: at `from`, or shortly before the first value where that is later. */
export function beginning(tables: Table[], from: number, to: number): number {
  const first = Math.min(...tables.map((table) => table.moments[0] ?? Infinity))
  return Number.isFinite(first) ? Math.max(from, Math.min(first, to - LEAST)) : from
}

/** How the members' newest values become the one number above a chart. */
export type Summary = 'sum' | 'max' | 'total' | 'leader'

/** The newest value of each member that was read lately. */
export function newest(table: Table, period: number): Map<string, number> {
  const end = table.moments.at(-1)
  const found = new Map<string, number>()
  if (end === undefined) return found
  table.members.forEach((member, index) => {
    const values = table.values[index]!
    for (let place = table.moments.length - 1; place >= 0 && table.moments[place]! >= end - GAP * period; place--) {
      const value = values[place]
      if (value !== null && value !== undefined) {
        found.set(member, value)
        break
      }
    }
  })
  return found
}

/** The one number above a chart; `undefined` where nothing is known. For `leader` it is the leader's number. */
export function summarize(table: Table, summary: Summary, period: number): number | undefined {
  const now = newest(table, period)
  if (now.size === 0) return undefined
  const values = [...now.values()]
  switch (summary) {
    case 'sum':
      return values.reduce((sum, value) => sum + value, 0)
    case 'max':
      return Math.max(...values)
    case 'total':
      // Of counts of what happened: members see the same, so not the sum over members but the most that one saw.
      return Math.max(...table.values.map((one) => one.reduce<number>((sum, value) => sum + (value ?? 0), 0)))
    case 'leader': {
      const leader = [...now].find(([, leads]) => leads === 1)
      return leader && ordinal(leader[0])
    }
  }
}
