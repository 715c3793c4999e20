// How far back charts go. The server keeps two hours.

export const RANGES = [
  { name: '15m', seconds: 900, words: 'metrics.15m' },
  { name: '1h', seconds: 3600, words: 'metrics.1h' },
  { name: '2h', seconds: 7200, words: 'metrics.2h' },
] as const

export type Range = (typeof RANGES)[number]

/** The range of that name; the shortest where there is none such. */
export function rangeOf(name: string | undefined): Range {
  return RANGES.find((range) => range.name === name) ?? RANGES[0]
}
