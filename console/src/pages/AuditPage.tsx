// Who asked for which change, and what came of it.

import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useId, useState } from 'react'
import { ApiError, call } from '../api/client'
import type { EtcdAuditRecord } from '../api/types'
import { useT } from '../i18n'
import { useSession } from '../session'
import { Code, Copyable } from '../ui/Copy'
import { Input } from '../ui/Input'
import { Empty, Failure, Waiting } from '../ui/States'
import { Button } from '../ui/td'
import { Time } from '../ui/Time'

const PAGE = 50

export function AuditPage() {
  const t = useT()
  const session = useSession()
  const { instance = '' } = useSearch({ from: '/shell/audit' })
  const navigate = useNavigate({ from: '/audit' })
  const log = useInfiniteQuery({
    queryKey: [session?.region, 'audit', instance],
    queryFn: ({ pageParam, signal }) =>
      call(
        'DescribeEtcdAuditLog',
        { Limit: PAGE, ...(instance ? { InstanceId: instance } : {}), ...(pageParam ? { Before: pageParam } : {}) },
        signal,
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.Next ?? undefined,
    enabled: session !== undefined,
  })
  const records = log.data?.pages.flatMap((page) => page.Records ?? []) ?? []
  const unsupported = log.error instanceof ApiError && log.error.isUnsupported
  return (
    <>
      <div className="heading">
        <h1>{t('audit.title')}</h1>
        <span className="quiet">{t('audit.hint')}</span>
      </div>
      <div className="filters" role="search">
        <Input
          aria-label={t('audit.instance')}
          placeholder={t('audit.instance')}
          value={instance}
          onChange={(text) => void navigate({ search: text ? { instance: text } : {}, replace: true })}
          type="search"
          spellCheck={false}
        />
      </div>
      {log.isPending && <Waiting />}
      {unsupported && <Empty title={t('audit.unsupported')} />}
      {log.error && !unsupported && <Failure error={log.error} retry={() => void log.refetch()} />}
      {log.data && records.length === 0 && !log.hasNextPage && (
        <Empty title={t('audit.none')} action={<Link to="/instances">{t('instances.back')}</Link>}>
          {t('audit.noneHint')}
        </Empty>
      )}
      {records.length > 0 && <Records records={records} />}
      {log.hasNextPage && (
        <div className="pages">
          <Button variant="outline" size="small" loading={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()}>
            {t('audit.older')}
          </Button>
        </div>
      )}
    </>
  )
}

function Records({ records }: { records: EtcdAuditRecord[] }) {
  const t = useT()
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={t('audit.title')}>
      <table className="table cards">
        <thead>
          <tr>
            <th scope="col">{t('audit.action')}</th>
            <th scope="col">{t('column.instance')}</th>
            <th scope="col">{t('audit.outcome')}</th>
            <th scope="col">{t('audit.who')}</th>
            <th scope="col">{t('audit.when')}</th>
          </tr>
        </thead>
        <tbody>
          {records.map((record) => (
            <Row key={record.Request} record={record} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function aboutInstance(parameters: string | null | undefined): string | undefined {
  return /"InstanceId":"(etcd-[a-z0-9]{8})"/.exec(parameters ?? '')?.[1]
}

function Row({ record }: { record: EtcdAuditRecord }) {
  const t = useT()
  const [open, setOpen] = useState(false)
  const id = useId()
  const instance = aboutInstance(record.Parameters)
  const ok = record.Outcome === 'OK'
  return (
    <>
      <tr data-action={record.Action}>
        <th scope="row">
          <button type="button" className="disclose" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
            {record.Action}
          </button>
        </th>
        <td data-label={t('column.instance')} className="mono small">
          {instance ? (
            <Link to="/instances/$id" params={{ id: instance }}>
              {instance}
            </Link>
          ) : (
            '–'
          )}
        </td>
        <td data-label={t('audit.outcome')}>
          <span className={`status status-${ok ? 'good' : 'bad'}`}>{ok ? t('audit.ok') : record.Outcome}</span>
        </td>
        <td data-label={t('audit.who')}>
          <div>
            {record.User} <span className="quiet small">{record.SourceIp}</span>
          </div>
        </td>
        <td data-label={t('audit.when')}>
          <Time at={record.Time} />
        </td>
      </tr>
      {open && (
        <tr id={id}>
          <td colSpan={5}>
            <div className="stack facts-wide">
              {record.Message && <p className="problem">{record.Message}</p>}
              <dl className="facts">
                <dt>SecretId</dt>
                <dd className="mono small">{record.SecretId}</dd>
                <dt>{t('nav.region')}</dt>
                <dd>{record.Region}</dd>
                <dt>RequestId</dt>
                <dd>
                  <Copyable text={record.Request} />
                </dd>
                <dt>{t('column.took')}</dt>
                <dd>{record.Milliseconds} ms</dd>
              </dl>
              {record.Parameters && <Code code={indented(record.Parameters)} label={t('explorer.request')} />}
            </div>
          </td>
        </tr>
      )}
    </>
  )
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text // cut short by the server
  }
}
