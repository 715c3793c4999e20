// Which charts there are, and how their numbers are written.

import { bytes } from '../pages/snapshots/backups'
import type { Summary } from './series'

export interface ChartInfo {
  /** Name of the metric in the API, and of its texts. */
  metric: string
  summary: Summary
  format: (value: number) => string
  /** Values change at once: a line straight from one to the next would show what never was. */
  stepped?: boolean
  /** It is told only where something was measured meanwhile. */
  sparse?: boolean
  /** The scale goes by powers of two. */
  binary?: boolean
  /** The lowest upper end of the scale, so that noise near zero does not look like a mountain. */
  least?: number
}

export interface Group {
  name: 'traffic' | 'latency' | 'storage' | 'cluster' | 'process'
  charts: ChartInfo[]
}

export const GROUPS: Group[] = [
  {
    name: 'traffic',
    charts: [
      { metric: 'Requests', summary: 'sum', format: perSecond, least: 1 },
      { metric: 'Commits', summary: 'max', format: perSecond, least: 1 },
      { metric: 'Keys', summary: 'max', format: count, least: 10, stepped: true },
    ],
  },
  {
    name: 'latency',
    charts: [
      { metric: 'FsyncLatency', summary: 'max', format: seconds, sparse: true, least: 0.01 },
      { metric: 'CommitLatency', summary: 'max', format: seconds, sparse: true, least: 0.01 },
      { metric: 'PeerRoundTrip', summary: 'max', format: seconds, sparse: true, least: 0.001 },
    ],
  },
  {
    name: 'storage',
    charts: [
      { metric: 'DatabaseSize', summary: 'max', format: bytes, binary: true, least: 2 ** 16 },
      { metric: 'DatabaseInUse', summary: 'max', format: bytes, binary: true, least: 2 ** 16 },
      { metric: 'SlowApplies', summary: 'total', format: count, least: 4, stepped: true },
    ],
  },
  {
    name: 'cluster',
    charts: [
      { metric: 'Leads', summary: 'leader', format: count, least: 1, stepped: true },
      { metric: 'LeaderChanges', summary: 'total', format: count, least: 4, stepped: true },
      { metric: 'PendingProposals', summary: 'max', format: count, least: 4, stepped: true },
    ],
  },
  {
    name: 'process',
    charts: [
      { metric: 'Memory', summary: 'sum', format: bytes, binary: true, least: 2 ** 20 },
      { metric: 'Processor', summary: 'sum', format: cores, least: 0.1 },
      { metric: 'OpenFiles', summary: 'max', format: count, least: 10, stepped: true },
    ],
  },
]

/** What the overview shows of them. */
export const CHIEF = ['Requests', 'FsyncLatency', 'DatabaseSize']

export function chartOf(metric: string): ChartInfo | undefined {
  return GROUPS.flatMap((group) => group.charts).find((chart) => chart.metric === metric)
}

/** At most three digits that matter: 0.42, 12.3, 1,234. */
function digits(value: number): string {
  const places = value !== 0 && Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0
  return Number(value.toFixed(places)).toLocaleString('en')
}

export function count(value: number): string {
  return digits(value)
}

export function perSecond(value: number): string {
  return `${digits(value)}/s`
}

export function seconds(value: number): string {
  if (value >= 1) return `${digits(value)} s`
  return value >= 0.001 || value === 0 ? `${digits(value * 1000)} ms` : `${digits(value * 1_000_000)} µs`
}

export function cores(value: number): string {
  return digits(value)
}
