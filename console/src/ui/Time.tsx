// Moments: how long ago, with the whole date at hand.

import { useEffect, useState } from 'react'
import { useLanguage } from '../i18n'

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]

export function ago(moment: Date, now: number, language: string): string {
  const seconds = Math.min(0, Math.round((moment.getTime() - now) / 1000))
  const [unit, size] = UNITS.find(([, size]) => -seconds >= size) ?? (['second', 1] as const)
  return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(Math.round(seconds / size), unit)
}

export function Time({ at }: { at: string | null | undefined }) {
  const language = useLanguage()
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 10_000)
    return () => clearInterval(timer)
  }, [])
  if (!at) return <span className="quiet">–</span>
  const moment = new Date(at)
  return (
    <time dateTime={at} title={moment.toLocaleString(language)}>
      {ago(moment, Math.max(now, moment.getTime()), language)}
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
