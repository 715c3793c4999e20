// Looking at keys. Nothing can be written here; whether it can be read at all is the server's setting.

import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { ApiError, call } from '../../api/client'
import { useRead } from '../../api/queries'
import type { EtcdKey } from '../../api/types'
import { useT } from '../../i18n'
import { useSession } from '../../session'
import { Code, Copyable } from '../../ui/Copy'
import { Input } from '../../ui/Input'
import { Alert } from '../../ui/Notice'
import { Empty, Failure, Waiting } from '../../ui/States'
import { Tabs } from '../../ui/Tabs'
import { Button } from '../../ui/td'
import { shown } from '../keys/value'
import { bytes } from '../snapshots/backups'
import { useShownInstance } from './context'

const PAGE = 50
/** Milliseconds without a letter before a prefix is looked for. */
const REST = 300

export function Keys() {
  const t = useT()
  const { InstanceId: id } = useShownInstance()
  const session = useSession()
  const { prefix = '', key } = useSearch({ from: '/shell/instances/$id/keys' })
  const navigate = useNavigate({ from: '/instances/$id/keys' })
  const [typed, setTyped] = useState(prefix)
  useEffect(() => {
    if (typed === prefix) return
    const timer = setTimeout(() => void navigate({ search: typed ? { prefix: typed } : {}, replace: true }), REST)
    return () => clearTimeout(timer)
  }, [typed, prefix, navigate])
  const found = useInfiniteQuery({
    queryKey: [session?.region, 'keys', id, prefix],
    queryFn: ({ pageParam, signal }) =>
      call(
        'DescribeEtcdKeys',
        { InstanceId: id, Limit: PAGE, ...(prefix ? { Prefix: prefix } : {}), ...(pageParam ? { After: pageParam } : {}) },
        signal,
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.Next ?? undefined,
    enabled: session !== undefined,
  })
  const first = found.data?.pages[0]
  if (found.error instanceof ApiError && found.error.code === 'UnauthorizedOperation')
    return <Empty title={t('keys.off')}>{t('keys.offHint')}</Empty>
  if (found.error instanceof ApiError && found.error.isUnsupported)
    return <Empty title={t('keys.unsupported')}>{t('keys.unsupportedHint')}</Empty>
  const keys = found.data?.pages.flatMap((page) => page.Keys ?? []) ?? []
  return (
    <div className={key ? 'keys keys-chosen' : 'keys'}>
      <section className="card stack" aria-labelledby="keys">
        <div className="bar">
          <h2 id="keys">{t('keys.title')}</h2>
          <span className="quiet small">
            {first && t('keys.count', { count: first.Count, revision: first.Revision })}
          </span>
        </div>
        <div className="search">
          <Input
            aria-label={t('keys.prefix')}
            placeholder={t('keys.prefix')}
            value={typed}
            onChange={setTyped}
            type="search"
            spellCheck={false}
            className="mono"
          />
          <Button variant="outline" loading={found.isRefetching} onClick={() => void found.refetch()}>
            {t('keys.refresh')}
          </Button>
        </div>
        {found.isPending && <Waiting />}
        {found.error && <Failure error={found.error} retry={() => void found.refetch()} />}
        {first && keys.length === 0 && (
          <Empty title={t(prefix ? 'keys.noMatch' : 'keys.none')}>{t(prefix ? 'keys.noMatchHint' : 'keys.noneHint')}</Empty>
        )}
        <ul className="key-list">
          {keys.map((one) => (
            <li key={one.Encoded}>
              <Link
                to="/instances/$id/keys"
                params={{ id }}
                search={{ ...(prefix ? { prefix } : {}), key: one.Encoded }}
                className={one.Encoded === key ? 'mono active' : 'mono'}
                data-key={one.Key}
              >
                {one.Key}
              </Link>
              <span className="quiet small">{one.ModRevision}</span>
            </li>
          ))}
        </ul>
        {found.hasNextPage && (
          <div className="pages">
            <Button variant="outline" size="small" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
              {t('keys.more')}
            </Button>
          </div>
        )}
      </section>
      <section className="card stack" aria-labelledby="value">
        {key ? <Value key={key} id={id} encoded={key} /> : <Empty title={t('keys.choose')}>{t('keys.chooseHint')}</Empty>}
      </section>
    </div>
  )
}

function Value({ id, encoded }: { id: string; encoded: string }) {
  const t = useT()
  const read = useRead('DescribeEtcdKeys', { InstanceId: id, Key: encoded })
  if (read.isPending) return <Waiting />
  if (!read.data) return <Failure error={read.error} retry={() => void read.refetch()} />
  const found = read.data.Keys?.[0]
  if (!found) return <Empty title={t('keys.gone')}>{t('keys.goneHint')}</Empty>
  const { kind, views } = shown(found.Value ?? '', found.ValueEncoding ?? 'utf-8')
  return (
    <>
      <h2 id="value" className="mono wrap">
        {found.Key}
      </h2>
      <Facts found={found} kind={t(`keys.kind.${kind}`)} />
      {found.Truncated && <Alert theme="warning" message={t('keys.truncated', { size: bytes(found.ValueSize) })} />}
      {views.length > 0 && (
        <Tabs
          label={t('keys.value')}
          tabs={views.map((view) => ({
            name: t(`keys.view.${view.name}`),
            content: <Code code={view.text} label={t('keys.value')} />,
          }))}
        />
      )}
    </>
  )
}

function Facts({ found, kind }: { found: EtcdKey; kind: string }) {
  const t = useT()
  return (
    <dl className="facts">
      <dt>{t('keys.value')}</dt>
      <dd data-testid="kind">
        {kind}, {bytes(found.ValueSize)}
      </dd>
      <dt>{t('keys.version')}</dt>
      <dd>{found.Version}</dd>
      <dt>{t('keys.created')}</dt>
      <dd>{found.CreateRevision}</dd>
      <dt>{t('keys.modified')}</dt>
      <dd>{found.ModRevision}</dd>
      {found.Lease && (
        <>
          <dt>{t('keys.lease')}</dt>
          <dd>
            <Copyable text={found.Lease} />
          </dd>
        </>
      )}
    </dl>
  )
}
