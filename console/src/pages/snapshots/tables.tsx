import { useT } from '../../i18n'
import { Status } from '../../ui/Status'
import { Button } from '../../ui/td'
import { Time } from '../../ui/Time'
import { bytes, interval, type Policy, type Snapshot } from './backups'

export interface SnapshotActions {
  restore?: (snapshot: Snapshot) => void
  verify?: (snapshot: Snapshot) => void
  remove?: (snapshot: Snapshot) => void
}

export function SnapshotTable({ snapshots, actions }: { snapshots: Snapshot[]; actions: SnapshotActions }) {
  const t = useT()
  // The published list has names and sizes alone; then the other columns would be empty.
  const details = snapshots.some((snapshot) => snapshot.State !== undefined)
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={t('snapshots.title')}>
      <table className="table cards">
        <thead>
          <tr>
            <th scope="col">{t('column.snapshot')}</th>
            {details && <th scope="col">{t('column.state')}</th>}
            <th scope="col">{t('column.size')}</th>
            {details && <th scope="col">{t('column.revision')}</th>}
            {details && <th scope="col">{t('column.taken')}</th>}
            {details && <th scope="col">{t('column.proof')}</th>}
            <th scope="col">
              <span className="hidden">{t('column.actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {snapshots.map((snapshot) => (
            <tr key={snapshot.Name} data-snapshot={snapshot.Name}>
              <th scope="row">
                {snapshot.Name}
                {snapshot.Origin && (
                  <div className="quiet small">
                    {t.word('origin', snapshot.Origin)}
                    {snapshot.Policy && ` · ${snapshot.Policy}`}
                    {snapshot.Version && ` · ${snapshot.Version}`}
                  </div>
                )}
                {snapshot.FailedMsg && <div className="problem">{snapshot.FailedMsg}</div>}
              </th>
              {details && (
                <td data-label={t('column.state')}>
                  <Status of="state" value={snapshot.State ?? ''} />
                </td>
              )}
              <td data-label={t('column.size')}>{bytes(snapshot.Size)}</td>
              {details && <td data-label={t('column.revision')}>{snapshot.Revision ?? '–'}</td>}
              {details && (
                <td data-label={t('column.taken')}>
                  <Time at={snapshot.RequestedAt} />
                </td>
              )}
              {details && (
                <td data-label={t('column.proof')}>
                  <Proof snapshot={snapshot} />
                </td>
              )}
              <td className="row-actions">
                <SnapshotButtons snapshot={snapshot} actions={actions} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function SnapshotButtons({ snapshot, actions }: { snapshot: Snapshot; actions: SnapshotActions }) {
  const t = useT()
  const ready = snapshot.State === undefined || snapshot.State === 'done'
  const { restore, verify, remove } = actions
  return (
    <>
      {restore && (
        <Button size="small" variant="text" disabled={!ready} onClick={() => restore(snapshot)}>
          {t('snapshots.restore')}
        </Button>
      )}
      {verify && (
        <Button size="small" variant="text" disabled={!ready} onClick={() => verify(snapshot)}>
          {t('snapshots.verify')}
        </Button>
      )}
      {remove && (
        <Button size="small" variant="text" theme="danger" onClick={() => remove(snapshot)}>
          {t('delete.action')}
        </Button>
      )}
    </>
  )
}

function Proof({ snapshot }: { snapshot: Snapshot }) {
  const t = useT()
  const state = snapshot.ProofState ?? 'none'
  const tone = { passed: 'good', failed: 'bad' }[state] ?? 'idle'
  return (
    <>
      <span className={`status status-${tone}`}>{t.word('proof', state)}</span>{' '}
      {snapshot.ProvedAt && <Time at={snapshot.ProvedAt} />}
      {snapshot.ProofMsg && <div className="problem">{snapshot.ProofMsg}</div>}
    </>
  )
}

interface PolicyProps {
  policies: Policy[]
  edit: (policy: Policy) => void
  remove?: (policy: Policy) => void
}

export function PolicyTable({ policies, edit, remove }: PolicyProps) {
  const t = useT()
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={t('policies.title')}>
      <table className="table cards">
        <thead>
          <tr>
            <th scope="col">{t('column.policy')}</th>
            <th scope="col">{t('column.every')}</th>
            <th scope="col">{t('column.kept')}</th>
            <th scope="col">
              <span className="hidden">{t('column.actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {policies.map((policy) => (
            <tr key={policy.Name}>
              <th scope="row">{policy.Name}</th>
              <td data-label={t('column.every')}>{interval(policy.BackupInterval)}</td>
              <td data-label={t('column.kept')}>{policy.MaxBackupCount}</td>
              <td className="row-actions">
                <Button size="small" variant="text" onClick={() => edit(policy)}>
                  {t('policies.edit')}
                </Button>
                {remove && (
                  <Button size="small" variant="text" theme="danger" onClick={() => remove(policy)}>
                    {t('delete.action')}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
