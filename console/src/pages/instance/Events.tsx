// What was seen of the instance, what was done about it, and why.

import { useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { ApiError, call } from '../../api/client'
import { paced } from '../../api/live'
import type { EtcdEvent } from '../../api/types'
import { useT } from '../../i18n'
import { useSession } from '../../session'
import { Select } from '../../ui/Select'
import { Empty, Failure, Waiting } from '../../ui/States'
import { Button } from '../../ui/td'
import { Time } from '../../ui/Time'
import { useShownInstance } from './context'

const PAGE = 50
const LEVELS = ['info', 'warning', 'error'] as const
const TONES: Record<string, string> = { info: 'idle', warning: 'warn', error: 'bad' }

export function Events() {
  const t = useT()
  const { InstanceId: id } = useShownInstance()
  const session = useSession()
  const { level = '' } = useSearch({ from: '/shell/instances/$id/events' })
  const navigate = useNavigate({ from: '/instances/$id/events' })
  const found = useInfiniteQuery({
    queryKey: [session?.region, 'events', id, level],
    queryFn: async ({ pageParam, signal }) => {
      const Filters = level ? { Filters: [{ Name: 'level', Values: [level] }] } : {}
      const request = { InstanceId: id, Offset: pageParam, Limit: PAGE, ...Filters }
      const { Events, TotalCount } = await call('DescribeEtcdEvents', request, signal)
      return { Events: Events ?? [], TotalCount }
    },
    initialPageParam: 0,
    getNextPageParam: (last, pages) => {
      const shown = pages.reduce((sum, page) => sum + page.Events.length, 0)
      return last.Events.length > 0 && shown < last.TotalCount ? shown : undefined
    },
    enabled: session !== undefined,
    refetchInterval: () => paced(5000),
  })
  if (found.error instanceof ApiError && found.error.isUnsupported) return <Empty title={t('events.unsupported')} />
  // Pages move on by what happens between two of them: an event may come twice.
  const events = new Map(found.data?.pages.flatMap((page) => page.Events.map((event) => [event.EventId, event])) ?? [])
  return (
    <div className="stack">
      <div className="bar">
        <p className="quiet">{t('events.hint')}</p>
        <div className="narrow">
          <Select
            aria-label={t('events.level')}
            value={level}
            onChange={(next) => void navigate({ search: next ? { level: next } : {}, replace: true })}
            choices={[
              { value: '', label: t('events.every') },
              ...LEVELS.map((value) => ({ value, label: t.word('level', value) })),
            ]}
          />
        </div>
      </div>
      {found.isPending && <Waiting />}
      {found.error && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.data && events.size === 0 && <Empty title={t('events.none')}>{t('events.noneHint')}</Empty>}
      {events.size > 0 && (
        <ol className="card events" aria-label={t('events.title')}>
          {[...events.values()].map((event) => (
            <Row key={event.EventId} event={event} />
          ))}
        </ol>
      )}
      {found.hasNextPage && (
        <div className="pages">
          <Button variant="outline" size="small" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
            {t('audit.older')}
          </Button>
        </div>
      )}
    </div>
  )
}

function Row({ event }: { event: EtcdEvent }) {
  const t = useT()
  return (
    <li className="event" data-event={event.Type} data-level={event.Level}>
      <span className={`status status-${TONES[event.Level] ?? 'idle'}`}>
        {t.word('event', event.Type)}
        <span className="hidden"> {t.word('level', event.Level)}</span>
      </span>
      <div>
        <div>{event.Message}</div>
        {event.Reason && <div className="quiet small">{event.Reason}</div>}
        {event.Member && <div className="quiet mono small">{event.Member}</div>}
      </div>
      <span className="quiet small">
        <Time at={event.Time} />
      </span>
    </li>
  )
}
