import { useState } from 'react'
import { ApiError } from '../../api/client'
import { useHasAction } from '../../api/schema'
import { useT } from '../../i18n'
import { Empty, Failure, Waiting } from '../../ui/States'
import { Button } from '../../ui/td'
import { Time } from '../../ui/Time'
import { bytes, digest, useBackups, type Policy, type Snapshot } from '../snapshots/backups'
import { CreateSnapshot, DeletePolicy, DeleteSnapshot, EditPolicy, EditRetention, RestoreSnapshot, VerifySnapshot } from '../snapshots/dialogs'
import { ShareSnapshot } from '../snapshots/ShareSnapshot'
import { PolicyTable, SnapshotTable, type SnapshotActions } from '../snapshots/tables'
import { useShownInstance } from './context'

/** What the user is about to do. */
type Doing =
  | { what: 'create' | 'newPolicy' }
  | { what: 'restore' | 'verify' | 'share' | 'delete'; snapshot: Snapshot }
  | { what: 'editPolicy' | 'retention' | 'deletePolicy'; policy: Policy }

export function Snapshots() {
  const t = useT()
  const instance = useShownInstance()
  const id = instance.InstanceId
  const backups = useBackups(id)
  const [doing, setDoing] = useState<Doing>()
  const can = {
    restore: useHasAction('RestoreEtcdSnapshot'),
    verify: useHasAction('VerifyEtcdSnapshot'),
    share: useHasAction('ShareEtcdSnapshot'),
    delete: useHasAction('DeleteEtcdSnapshot'),
    deletePolicy: useHasAction('DeleteEtcdSnapshotPolicy'),
    retention: useHasAction('ModifyEtcdSnapshotRetention'),
  }
  const close = () => setDoing(undefined)
  if (backups.isPending) return <Waiting />
  if (backups.error instanceof ApiError && backups.error.isUnsupported)
    return <Empty title={t('snapshots.unsupported')}>{t('snapshots.unsupportedHint')}</Empty>
  if (!backups.data) return <Failure error={backups.error} retry={() => void backups.refetch()} />
  const { snapshots, policies, total } = backups.data
  const actions: SnapshotActions = {
    ...(can.restore ? { restore: (snapshot) => setDoing({ what: 'restore', snapshot }) } : {}),
    ...(can.verify ? { verify: (snapshot) => setDoing({ what: 'verify', snapshot }) } : {}),
    ...(can.share ? { share: (snapshot) => setDoing({ what: 'share', snapshot }) } : {}),
    ...(can.delete ? { remove: (snapshot) => setDoing({ what: 'delete', snapshot }) } : {}),
  }
  return (
    <div className="stack">
      {snapshots.some((snapshot) => snapshot.State !== undefined) && <Glance snapshots={snapshots} policies={policies} />}
      <section className="card" aria-labelledby="snapshots">
        <div className="heading">
          <h2 id="snapshots">{t('snapshots.title')}</h2>
          <span className="quiet">{total}</span>
          <Button className="heading-action" theme="primary" size="small" onClick={() => setDoing({ what: 'create' })}>
            {t('snapshots.create')}
          </Button>
        </div>
        {snapshots.length === 0 ? (
          <Empty title={t('snapshots.none')}>{t('snapshots.noneHint')}</Empty>
        ) : (
          <SnapshotTable snapshots={snapshots} actions={actions} />
        )}
      </section>
      <section className="card" aria-labelledby="policies">
        <div className="heading">
          <h2 id="policies">{t('policies.title')}</h2>
          <Button className="heading-action" variant="outline" size="small" onClick={() => setDoing({ what: 'newPolicy' })}>
            {t('policies.create')}
          </Button>
        </div>
        {policies.length === 0 ? (
          <Empty title={t('policies.none')}>{t('policies.noneHint')}</Empty>
        ) : (
          <PolicyTable
            policies={policies}
            edit={(policy) => setDoing({ what: 'editPolicy', policy })}
            {...(can.retention ? { retain: (policy: Policy) => setDoing({ what: 'retention', policy }) } : {})}
            {...(can.deletePolicy ? { remove: (policy: Policy) => setDoing({ what: 'deletePolicy', policy }) } : {})}
          />
        )}
      </section>
      {doing?.what === 'create' && <CreateSnapshot id={id} onClose={close} />}
      {doing?.what === 'newPolicy' && <EditPolicy id={id} onClose={close} />}
      {doing?.what === 'editPolicy' && <EditPolicy id={id} policy={doing.policy} onClose={close} />}
      {doing?.what === 'retention' && <EditRetention id={id} policy={doing.policy} onClose={close} />}
      {doing?.what === 'deletePolicy' && <DeletePolicy id={id} policy={doing.policy} onClose={close} />}
      {doing?.what === 'restore' && <RestoreSnapshot instance={instance} snapshot={doing.snapshot} onClose={close} />}
      {doing?.what === 'verify' && <VerifySnapshot id={id} snapshot={doing.snapshot} onClose={close} />}
      {doing?.what === 'share' && <ShareSnapshot id={id} snapshot={doing.snapshot} onClose={close} />}
      {doing?.what === 'delete' && <DeleteSnapshot id={id} snapshot={doing.snapshot} onClose={close} />}
    </div>
  )
}

/** Whether one could go back, and to when. */
function Glance({ snapshots, policies }: { snapshots: Snapshot[]; policies: Policy[] }) {
  const t = useT()
  const { newest, proved, stored } = digest(snapshots)
  const due = policies.flatMap((policy) => policy.NextSlot ?? []).sort()[0]
  return (
    <dl className="tiles">
      <div className="tile">
        <dt>{t('snapshots.newest')}</dt>
        <dd>{newest ? <Time at={newest.RequestedAt} /> : t('snapshots.noneYet')}</dd>
      </div>
      <div className="tile">
        <dt>{t('snapshots.proved')}</dt>
        <dd className={proved ? `status status-${proved.ProofState === 'passed' ? 'good' : 'bad'}` : ''}>
          {proved ? <Time at={proved.ProvedAt} /> : t('snapshots.noneYet')}
        </dd>
      </div>
      <div className="tile">
        <dt>{t('snapshots.due')}</dt>
        <dd>{due ? <Time at={due} /> : t('snapshots.never')}</dd>
      </div>
      <div className="tile">
        <dt>{t('snapshots.stored')}</dt>
        <dd>{bytes(stored)}</dd>
      </div>
    </dl>
  )
}
