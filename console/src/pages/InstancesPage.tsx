import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { useInstances, useRead } from '../api/queries'
import type { Etcd } from '../api/types'
import { useT } from '../i18n'
import { DeleteInstance } from './DeleteInstance'
import { matches, type ListSearch } from './match'
import { Copyable } from '../ui/Copy'
import { Select } from '../ui/Select'
import { Empty, Failure, Waiting } from '../ui/States'
import { Status } from '../ui/Status'
import { Input } from '../ui/Input'
import { Button } from '../ui/td'

/** How many rows are shown at once: drawing hundreds again and again would keep the browser busy. */
const ROWS = 50

export function InstancesPage() {
  const t = useT()
  const instances = useInstances()
  const quota = useRead('DescribeEtcdQuota', {}, { staleTime: 60_000 }).data?.QuotaLimit
  const search = useSearch({ from: '/shell/instances' })
  const navigate = useNavigate({ from: '/instances' })
  const [page, setPage] = useState(0)
  const [deleting, setDeleting] = useState<Etcd>()
  const all = instances.data
  const found = useMemo(() => (all ?? []).filter((instance) => matches(instance, search)), [all, search])
  const pages = Math.max(1, Math.ceil(found.length / ROWS))
  const current = Math.min(page, pages - 1)
  const narrow = (change: ListSearch) => {
    setPage(0)
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true })
  }

  return (
    <>
      <div className="heading">
        <h1>{t('instances.title')}</h1>
        {all && (
          <span className="quiet">
            {quota === undefined ? all.length : t('instances.quota', { count: all.length, limit: quota })}
          </span>
        )}
        <Link to="/instances/new" className="button-link heading-action">
          {t('instances.create')}
        </Link>
      </div>
      {instances.error && !all && <Failure error={instances.error} retry={() => void instances.refetch()} />}
      {instances.isPending && <Waiting />}
      {all?.length === 0 && (
        <Empty
          title={t('instances.none')}
          action={
            <Link to="/instances/new" className="button-link">
              {t('instances.create')}
            </Link>
          }
        >
          {t('instances.noneHint')}
        </Empty>
      )}
      {all && all.length > 0 && (
        <>
          <Filters all={all} search={search} narrow={narrow} />
          {found.length === 0 ? (
            <Empty
              title={t('instances.noMatch')}
              action={
                <Button variant="outline" onClick={() => void navigate({ search: {} })}>
                  {t('instances.clear')}
                </Button>
              }
            />
          ) : (
            <Table rows={found.slice(current * ROWS, (current + 1) * ROWS)} onDelete={setDeleting} />
          )}
          {pages > 1 && (
            <div className="pages" role="navigation" aria-label={t('instances.pages')}>
              <Button variant="outline" size="small" disabled={current === 0} onClick={() => setPage(current - 1)}>
                {t('common.previous')}
              </Button>
              <span>
                {current + 1} / {pages}
              </span>
              <Button
                variant="outline"
                size="small"
                disabled={current === pages - 1}
                onClick={() => setPage(current + 1)}
              >
                {t('common.next')}
              </Button>
            </div>
          )}
        </>
      )}
      {deleting && <DeleteInstance instance={deleting} onClose={() => setDeleting(undefined)} />}
    </>
  )
}

interface FiltersProps {
  all: Etcd[]
  search: ListSearch
  narrow: (change: ListSearch) => void
}

function Filters({ all, search, narrow }: FiltersProps) {
  const t = useT()
  const some = (values: string[], chosen: string | undefined) => [...new Set([...values, ...(chosen ? [chosen] : [])])].sort()
  const statuses = some(all.map((instance) => instance.Status), search.status)
  const vpcs = some(all.map((instance) => instance.VpcId), search.vpc)
  return (
    <div className="filters" role="search">
      <Input
        aria-label={t('instances.search')}
        placeholder={t('instances.search')}
        value={search.q ?? ''}
        onChange={(q) => narrow({ q })}
        type="search"
      />
      <Select
        aria-label={t('instances.filterStatus')}
        value={search.status ?? ''}
        onChange={(status) => narrow({ status })}
        choices={[
          { value: '', label: t('instances.anyStatus') },
          ...statuses.map((value) => ({ value, label: t.word('status', value) })),
        ]}
      />
      <Select
        aria-label={t('instances.filterVpc')}
        value={search.vpc ?? ''}
        onChange={(vpc) => narrow({ vpc })}
        choices={[{ value: '', label: t('instances.anyVpc') }, ...vpcs.map((value) => ({ value, label: value }))]}
      />
    </div>
  )
}

function Table({ rows, onDelete }: { rows: Etcd[]; onDelete: (instance: Etcd) => void }) {
  const t = useT()
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={t('instances.title')}>
      <table className="table cards">
        <thead>
          <tr>
            <th scope="col">{t('column.instance')}</th>
            <th scope="col">{t('column.status')}</th>
            <th scope="col">{t('column.version')}</th>
            <th scope="col">{t('column.members')}</th>
            <th scope="col">{t('column.endpoint')}</th>
            <th scope="col">{t('column.vpc')}</th>
            <th scope="col">
              <span className="hidden">{t('column.actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((instance) => (
            <tr key={instance.InstanceId}>
              <th scope="row">
                <Link to="/instances/$id" params={{ id: instance.InstanceId }}>
                  {instance.Name}
                </Link>
                <div className="quiet mono small">{instance.InstanceId}</div>
              </th>
              <td data-label={t('column.status')}>
                <Status of="status" value={instance.Status} />
              </td>
              <td data-label={t('column.version')}>{instance.Version}</td>
              <td data-label={t('column.members')}>
                <MemberCount instance={instance} />
              </td>
              <td data-label={t('column.endpoint')}>
                {instance.Endpoint ? <Copyable text={instance.Endpoint} /> : <span className="quiet">–</span>}
              </td>
              <td data-label={t('column.vpc')} className="mono small">
                {instance.VpcId}
              </td>
              <td className="row-actions">
                <Button
                  size="small"
                  variant="text"
                  theme="danger"
                  disabled={instance.Status === 'deleting'}
                  aria-label={t('delete.of', { name: instance.Name })}
                  onClick={() => onDelete(instance)}
                >
                  {t('delete.action')}
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function MemberCount({ instance }: { instance: Etcd }) {
  const t = useT()
  const members = instance.Members ?? []
  const running = members.filter((member) => member.Status === 'Running').length
  return (
    <span className={running === members.length ? '' : 'strong'}>
      {t('instances.running', { running, size: members.length })}
    </span>
  )
}
