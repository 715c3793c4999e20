// Snapshots as the published API lists them (name and size), or, where the server has DescribeEtcdBackups, with all
// that is known of them.

import { useQuery } from '@tanstack/react-query'
import { callNamed } from '../../api/client'
import { paced } from '../../api/live'
import { useSchema } from '../../api/schema'
import type { EtcdBackup } from '../../api/types'
import { useSession } from '../../session'

export type Snapshot = Pick<EtcdBackup, 'Name'> & Partial<EtcdBackup>

export interface Policy {
  Name: string
  BackupInterval: number
  MaxBackupCount: number
  KeepHourly?: number
  KeepDaily?: number
  KeepWeekly?: number
  ProveEvery?: number
  LastSlot?: string | null
  NextSlot?: string
}

export interface Backups {
  snapshots: Snapshot[]
  policies: Policy[]
  total: number
}

/** How many snapshots are shown. */
const PAGE = 100

async function published(request: object, signal: AbortSignal): Promise<Backups> {
  const [listed, kept] = await Promise.all([
    callNamed('DescribeEtcdSnapshots', request, signal),
    callNamed('DescribeEtcdSnapshotPolicies', request, signal),
  ])
  const snapshots = (listed['Snapshots'] ?? []) as Snapshot[]
  const policies = (kept['SnapshotPolicies'] ?? []) as { Name: string; BackupSettings: Policy }[]
  return {
    snapshots,
    policies: policies.map(({ Name, BackupSettings }) => ({ ...BackupSettings, Name })),
    total: snapshots.length,
  }
}

async function detailed(request: object, signal: AbortSignal): Promise<Backups> {
  const answer = await callNamed('DescribeEtcdBackups', { ...request, Limit: PAGE }, signal)
  return {
    snapshots: answer['Backups'] as Snapshot[],
    policies: answer['Policies'] as Policy[],
    total: answer['TotalCount'] as number,
  }
}

const UNDER_WAY = ['pending', 'running', 'deleting']

export function useBackups(id: string) {
  const session = useSession()
  const schema = useSchema()
  const details = schema?.['x-actions']['DescribeEtcdBackups'] !== undefined
  return useQuery({
    queryKey: [session?.region, 'backups', id, details],
    queryFn: ({ signal }) => (details ? detailed : published)({ InstanceId: id }, signal),
    enabled: session !== undefined && schema !== undefined,
    refetchInterval: (query) =>
      query.state.error
        ? false
        : query.state.data?.snapshots.some((snapshot) => UNDER_WAY.includes(snapshot.State ?? '')) ? paced(1500) : paced(5000),
  })
}

/** What matters of all snapshots at a glance. */
export interface Digest {
  /** The newest that is there. */
  newest?: Snapshot
  /** The newest that was restored for proof, and how that ended. */
  proved?: Snapshot
  /** Bytes that all of them take in storage. */
  stored: number
}

export function digest(snapshots: Snapshot[]): Digest {
  const latest = (from: Snapshot[], when: (snapshot: Snapshot) => string | null | undefined) =>
    from.reduce<Snapshot | undefined>((best, one) => (!best || (when(one) ?? '') > (when(best) ?? '') ? one : best), undefined)
  const newest = latest(snapshots.filter((one) => one.State === 'done'), (one) => one.RequestedAt)
  const proved = latest(snapshots.filter((one) => one.ProvedAt), (one) => one.ProvedAt)
  const stored = snapshots.reduce((sum, one) => sum + (one.StoredSize ?? 0), 0)
  return { ...(newest ? { newest } : {}), ...(proved ? { proved } : {}), stored }
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function bytes(size: number | null | undefined): string {
  if (size === null || size === undefined) return '–'
  const power = size < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(size) / 10))
  return `${(size / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`
}

/** Seconds in words that fit the interval: `1 h`, `90 s`. */
export function interval(seconds: number): string {
  const [unit, size] = [['d', 86_400] as const, ['h', 3600] as const, ['min', 60] as const].find(
    ([, size]) => seconds >= size && seconds % size === 0,
  ) ?? ['s', 1]
  return `${seconds / size} ${unit}`
}
