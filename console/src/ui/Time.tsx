// Moments: how long ago, with the whole date at hand.

import { useSyncExternalStore } from 'react'
import { useLanguage } from '../i18n'

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]

export function ago(moment: Date, now: number, language: string): string {
  const difference = Math.round((moment.getTime() - now) / 1000)
  // What is a little ahead of our clock, which is looked at every ten seconds, is no future.
  const seconds = difference > 0 && difference < 15 ? 0 : difference
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? (['second', 1] as const)
  return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(Math.round(seconds / size), unit)
}

// One timer for all moments of a page: a list has hundreds of them.
const listeners = new Set<() => void>()
let shared = Date.now()
let timer: ReturnType<typeof setInterval> | undefined

function listen(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    shared = Date.now()
    for (const each of listeners) each()
  }, 10_000)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

/** What time it is, to ten seconds; exact where the first moment comes into sight. */
function useNow(): number {
  if (listeners.size === 0) shared = Date.now()
  return useSyncExternalStore(listen, () => shared)
}

export function Time({ at }: { at: string | null | undefined }) {
  const language = useLanguage()
  const now = useNow()
  if (!at) return <span className="quiet">–</span>
  const moment = new Date(at)
  return (
    <time dateTime={at} title={moment.toLocaleString(language)}>
      {ago(moment, now, language)}
    </time>
  )
}

/** How long something took, or has taken so far. */
export function duration(from: string, to: string | null | undefined, now: number): string {
  const milliseconds = Math.max(0, (to ? Date.parse(to) : now) - Date.parse(from))
  // The API tells whole seconds.
  const seconds = Math.round(milliseconds / 1000)
  if (seconds === 0) return '< 1 s'
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
