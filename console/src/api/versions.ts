// Which versions an instance can go to: the same minor or the next, never down.

type Number3 = [number, number, number]

function parse(version: string): Number3 | undefined {
  const found = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)
  return found ? [Number(found[1]), Number(found[2]), Number(found[3])] : undefined
}

/** Later than 0 where `a` is newer. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)]
  if (!left || !right) return a < b ? -1 : a > b ? 1 : 0
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2]
}

/** Of the versions on offer those that `current` can be upgraded to, newest first. */
export function upgradeTargets(current: string, offered: string[]): string[] {
  const now = parse(current)
  if (!now) return []
  return offered
    .filter((version) => {
      const next = parse(version)
      return next && next[0] === now[0] && next[1] - now[1] <= 1 && compareVersions(version, current) > 0
    })
    .sort((a, b) => compareVersions(b, a))
}
