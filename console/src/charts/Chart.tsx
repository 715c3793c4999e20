// One metric of all members over time, by uPlot. Cursors of all charts on a page move together.

import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { useT, type Key } from '../i18n'
import { useIsDark } from '../theme'
import type { ChartInfo } from './list'
import { newest, ordinal, summarize, type Table } from './series'

interface Props {
  info: ChartInfo
  table: Table
  /** Seconds since 1970: what is shown, whether there are values or not. */
  from: number
  to: number
  /** Seconds between two points. */
  period: number
  height?: number
  /** Only the lines: where the overview shows a few. */
  plain?: boolean
}

const SYNC = 'charts'
/** Lines by member's number: told apart in both themes, and by those who see few colours (after Okabe and Ito). */
const LIGHT = ['#0052d9', '#b35900', '#00795e', '#a3357d', '#5f5f00', '#007ea8', '#8a3ffc', '#9c1d1d', '#52565e']
const DARK = ['#6f9ff5', '#f0a04b', '#3fc7a1', '#e07bbd', '#cfc84a', '#5cc4ea', '#b794f6', '#f08a86', '#b6bac2']

/** Steps of an axis of bytes. */
const BINARY = Array.from({ length: 45 }, (_, power) => 2 ** power)

export function colour(number: number, dark: boolean): string {
  const colours = dark ? DARK : LIGHT
  return colours[number % colours.length]!
}

export function Chart({ info, table, from, to, period, height = 150, plain = false }: Props) {
  const t = useT()
  const dark = useIsDark()
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const title = t(`metric.${info.metric}` as Key)
  const now = summarize(table, info.summary, period)
  const members = table.members.join(' ')
  const range = useRef({ from, to })
  range.current = { from, to }

  // Made anew where the lines are others or look otherwise; else only its data are replaced, below.
  useEffect(() => {
    const element = place.current
    if (!element || table.members.length === 0) return
    const made = new uPlot(options({ info, table, dark, height, plain, range }), data(table), element)
    plot.current = made
    const fit = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0)
      if (width > 0 && width !== made.width) made.setSize({ width, height })
    })
    fit.observe(element)
    return () => {
      fit.disconnect()
      made.destroy()
      plot.current = undefined
    }
  }, [info, members, dark, height, plain])

  useEffect(() => {
    plot.current?.setData(data(table))
    if (plot.current) atRest(plot.current)
  }, [table, from, to])

  const shown = now === undefined ? '–' : info.summary === 'leader' ? `etcd-${now}` : info.format(now)
  const told = [...newest(table, period)].map(([member, value]) => `${member} ${info.format(value)}`).join(', ')
  return (
    <figure className="chart" data-metric={info.metric} data-now={now}>
      <figcaption>
        <span className="chart-title">{title}</span>
        <span className="chart-now">{shown}</span>
        <span className="quiet small">{t(info.summary === 'leader' ? 'chart.now' : `chart.${info.summary}`)}</span>
      </figcaption>
      {table.members.length === 0 ? (
        <p className="chart-none quiet small">{t('chart.none')}</p>
      ) : (
        <div ref={place} className="chart-plot" role="img" aria-label={t('chart.told', { title, values: told || '–' })} />
      )}
    </figure>
  )
}

function data(table: Table): uPlot.AlignedData {
  return [table.moments, ...table.values]
}

interface Look {
  info: ChartInfo
  table: Table
  dark: boolean
  height: number
  plain: boolean
  range: { current: { from: number; to: number } }
}

function options({ info, table, dark, height, plain, range }: Look): uPlot.Options {
  const ink = dark ? '#a8adb6' : '#5b6370'
  const line = dark ? '#3a3f47' : '#e3e6eb'
  const font = '11px system-ui, sans-serif'
  const strokes = table.members.map((member) => colour(ordinal(member), dark))
  const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } }
  return {
    width: 300,
    height,
    padding: [8, 8, 0, 0],
    legend: { show: !plain, markers: { width: 0, fill: (_plot, index) => strokes[index - 1] ?? 'transparent' } },
    hooks: { setLegend: [atRest] },
    cursor: { sync: { key: SYNC }, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: true, range: () => [range.current.from, range.current.to] },
      y: { range: (_plot, _low, high) => [0, Math.max(info.least ?? 0, (high ?? 0) * 1.08)] },
    },
    axes: [
      { ...axis, grid: { show: false }, space: 46, size: 24, values: (_plot, moments) => moments.map((moment) => clock(moment)) },
      {
        ...axis,
        size: 58,
        gap: 6,
        space: 26,
        ...(info.binary ? { incrs: BINARY } : {}),
        values: (_plot, values) => values.map((value) => (value === 0 ? '0' : info.format(value))),
      },
    ],
    series: [
      { label: '\u2009', value: (_plot, moment) => (moment === null ? '' : clock(moment, true)) },
      ...table.members.map((member, index) => ({
        label: `etcd-${ordinal(member)}`,
        stroke: strokes[index]!,
        width: 1.5,
        ...(info.stepped ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
        points: { show: table.moments.length < 3, size: 4, fill: strokes[index]! },
        value: (plot: uPlot, value: number | null, place: number, at: number | null) => {
          const known = value ?? plot.data[place]?.[(at ?? 0) - 1]
          return known === null || known === undefined ? '–' : info.format(known)
        },
      })),
    ],
  }
}

/** Where no cursor is, the legend tells the newest values. */
function atRest(plot: uPlot): void {
  const last = plot.data[0].length - 1
  if ((plot.legend.idx ?? null) === null && last >= 0) plot.setLegend({ idx: last }, false)
}

/** `10:05`, or `10:05:30`. */
function clock(moment: number, exact = false): string {
  const text = new Date(moment * 1000).toTimeString()
  return text.slice(0, exact ? 8 : 5)
}
