// The history that the server keeps of members' metrics, asked again as it grows.

import { useMemo } from 'react'
import { useRead } from '../api/queries'
import { chartOf } from './list'
import { beginning, tabulate, type Table } from './series'

/** Members are read every so many seconds. */
const READ_EVERY = 10
/** As many points as a chart has room for. */
const POINTS = 180

export interface History {
  table: (metric: string) => Table
  from: number
  to: number
  period: number
}

/** The last `seconds` of these metrics, of all where none is named. */
export function useMetrics(id: string, seconds: number, metrics?: string[]) {
  const period = Math.max(READ_EVERY, Math.ceil(seconds / POINTS / READ_EVERY) * READ_EVERY)
  const asked = useRead(
    'DescribeEtcdMetrics',
    { InstanceId: id, Seconds: seconds, Period: period, ...(metrics ? { MetricNames: metrics } : {}) },
    { interval: period * 500 },
  )
  const { data, dataUpdatedAt } = asked
  const history = useMemo<History | undefined>(() => {
    if (!data) return undefined
    const series = data.Series ?? []
    const to = Math.floor(dataUpdatedAt / 1000)
    const tables = new Map<string, Table>()
    const table = (metric: string) => {
      const found = tables.get(metric) ?? tabulate(series, metric, period, chartOf(metric)?.sparse)
      tables.set(metric, found)
      return found
    }
    const all = [...new Set(series.map((one) => one.MetricName))].map(table)
    return { table, from: beginning(all, to - seconds, to), to, period }
  }, [data, dataUpdatedAt, seconds, period])
  return { ...asked, history }
}
