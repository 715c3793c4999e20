import { Link, Outlet, useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useInstance } from '../../api/queries'
import { useHasAction } from '../../api/schema'
import { useT } from '../../i18n'
import { Copyable } from '../../ui/Copy'
import { Empty, Failure, Waiting } from '../../ui/States'
import { Status } from '../../ui/Status'
import { Button } from '../../ui/td'
import { DeleteInstance } from '../DeleteInstance'
import { InstanceContext } from './context'

export function InstancePage() {
  const t = useT()
  const { id } = useParams({ from: '/shell/instances/$id' })
  const instance = useInstance(id)
  const navigate = useNavigate()
  const [deleting, setDeleting] = useState(false)
  const tellsEvents = useHasAction('DescribeEtcdEvents')
  const shown = instance.data
  if (instance.isPending) return <Waiting />
  if (shown === null) {
    return (
      <Empty title={t('instance.gone', { id })} action={<Link to="/instances">{t('instances.back')}</Link>}>
        {t('instance.goneHint')}
      </Empty>
    )
  }
  if (!shown) return <Failure error={instance.error} retry={() => void instance.refetch()} />
  return (
    <InstanceContext value={shown}>
      <p className="crumbs">
        <Link to="/instances">{t('instances.title')}</Link>
      </p>
      <div className="heading">
        <h1>{shown.Name}</h1>
        <Status of="status" value={shown.Status} />
        <Copyable text={shown.InstanceId} />
        <div className="heading-action">
          <Button
            theme="danger"
            variant="outline"
            size="small"
            disabled={shown.Status === 'deleting'}
            onClick={() => setDeleting(true)}
          >
            {t('delete.action')}
          </Button>
        </div>
      </div>
      <nav className="subnav" aria-label={t('instance.views')}>
        <Link to="/instances/$id" params={{ id }} activeOptions={{ exact: true }}>
          {t('instance.overview')}
        </Link>
        <Link to="/instances/$id/metrics" params={{ id }} search={{}}>
          {t('instance.metrics')}
        </Link>
        <Link to="/instances/$id/configuration" params={{ id }}>
          {t('instance.configuration')}
        </Link>
        <Link to="/instances/$id/access" params={{ id }}>
          {t('instance.access')}
        </Link>
        <Link to="/instances/$id/keys" params={{ id }} search={{}}>
          {t('instance.keys')}
        </Link>
        <Link to="/instances/$id/snapshots" params={{ id }}>
          {t('instance.snapshots')}
        </Link>
        <Link to="/instances/$id/tasks" params={{ id }}>
          {t('instance.tasks')}
        </Link>
        {tellsEvents && (
          <Link to="/instances/$id/events" params={{ id }} search={{}}>
            {t('instance.events')}
          </Link>
        )}
      </nav>
      <Outlet />
      {deleting && (
        <DeleteInstance
          instance={shown}
          onClose={() => setDeleting(false)}
          onDeleted={() => void navigate({ to: '/instances' })}
        />
      )}
    </InstanceContext>
  )
}
