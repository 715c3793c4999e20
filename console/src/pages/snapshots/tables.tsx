import { useId, useState } from 'react'
import { seconds } from '../../charts/list'
import { useT, type Translate } from '../../i18n'
import { Copyable } from '../../ui/Copy'
import { Status } from '../../ui/Status'
import { Button } from '../../ui/td'
import { duration, Time } from '../../ui/Time'
import { bytes, interval, type Policy, type Snapshot } from './backups'

export interface SnapshotActions {
  restore?: (snapshot: Snapshot) => void
  verify?: (snapshot: Snapshot) => void
  share?: (snapshot: Snapshot) => void
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
            {details && <th scope="col">{t('column.keys')}</th>}
            {details && <th scope="col">{t('column.taken')}</th>}
            {details && <th scope="col">{t('column.proof')}</th>}
            <th scope="col">
              <span className="hidden">{t('column.actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {snapshots.map((snapshot) => (
            <SnapshotRow key={snapshot.Name} snapshot={snapshot} details={details} actions={actions} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

interface RowProps {
  snapshot: Snapshot
  details: boolean
  actions: SnapshotActions
}

function SnapshotRow({ snapshot, details, actions }: RowProps) {
  const t = useT()
  const [open, setOpen] = useState(false)
  const id = useId()
  return (
    <>
      <tr data-snapshot={snapshot.Name} data-proof={snapshot.ProofState}>
        <th scope="row">
          {details ? (
            <button type="button" className="disclose" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
              {snapshot.Name}
            </button>
          ) : (
            snapshot.Name
          )}
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
        {details && <td data-label={t('column.keys')}>{snapshot.Keys ?? '–'}</td>}
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
      {open && (
        <tr id={id}>
          <td colSpan={7}>
            <dl className="facts facts-wide">
              <dt>{t('column.revision')}</dt>
              <dd>{snapshot.Revision ?? '–'}</dd>
              <dt>{t('snapshots.stored')}</dt>
              <dd>{bytes(snapshot.StoredSize)}</dd>
              <dt>SHA-256</dt>
              <dd>{snapshot.Sha256 ? <Copyable text={snapshot.Sha256} /> : '–'}</dd>
              <dt>{t('column.took')}</dt>
              <dd>{snapshot.StartedAt && snapshot.EndedAt ? duration(snapshot.StartedAt, snapshot.EndedAt, 0) : '–'}</dd>
              <dt>{t('snapshots.attempts')}</dt>
              <dd>{snapshot.Attempts ?? '–'}</dd>
              {snapshot.SharedWith && (
                <>
                  <dt>{t('share.with')}</dt>
                  <dd>{snapshot.SharedWith.join(', ') || t('share.nobody')}</dd>
                </>
              )}
            </dl>
          </td>
        </tr>
      )}
    </>
  )
}

function SnapshotButtons({ snapshot, actions }: { snapshot: Snapshot; actions: SnapshotActions }) {
  const t = useT()
  const ready = snapshot.State === undefined || snapshot.State === 'done'
  const { restore, verify, share, remove } = actions
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
      {share && (
        <Button size="small" variant="text" disabled={!ready} onClick={() => share(snapshot)}>
          {t('share.action')}
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
    <div>
      <span className={`status status-${tone}`}>{t.word('proof', state)}</span>{' '}
      {snapshot.ProvedAt && (
        <span className="quiet small">
          <Time at={snapshot.ProvedAt} />
          {snapshot.ProofMillis !== null && snapshot.ProofMillis !== undefined && ` · ${seconds(snapshot.ProofMillis / 1000)}`}
        </span>
      )}
      {snapshot.ProofMsg && <div className="problem">{snapshot.ProofMsg}</div>}
    </div>
  )
}

interface PolicyProps {
  policies: Policy[]
  edit: (policy: Policy) => void
  retain?: (policy: Policy) => void
  remove?: (policy: Policy) => void
}

export function PolicyTable({ policies, edit, retain, remove }: PolicyProps) {
  const t = useT()
  const details = policies.some((policy) => policy.NextSlot !== undefined)
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={t('policies.title')}>
      <table className="table cards">
        <thead>
          <tr>
            <th scope="col">{t('column.policy')}</th>
            <th scope="col">{t('column.every')}</th>
            <th scope="col">{t('column.kept')}</th>
            {details && <th scope="col">{t('column.alsoKept')}</th>}
            {details && <th scope="col">{t('column.proof')}</th>}
            {details && <th scope="col">{t('column.due')}</th>}
            <th scope="col">
              <span className="hidden">{t('column.actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {policies.map((policy) => (
            <tr key={policy.Name} data-policy={policy.Name}>
              <th scope="row">{policy.Name}</th>
              <td data-label={t('column.every')}>{interval(policy.BackupInterval)}</td>
              <td data-label={t('column.kept')}>{t('policies.newest', { count: policy.MaxBackupCount })}</td>
              {details && <td data-label={t('column.alsoKept')}>{tiers(policy, t)}</td>}
              {details && <td data-label={t('column.proof')}>{proving(policy.ProveEvery ?? 0, t)}</td>}
              {details && (
                <td data-label={t('column.due')}>
                  <Time at={policy.NextSlot} />
                </td>
              )}
              <td className="row-actions">
                <Button size="small" variant="text" onClick={() => edit(policy)}>
                  {t('policies.edit')}
                </Button>
                {retain && (
                  <Button size="small" variant="text" onClick={() => retain(policy)}>
                    {t('policies.retention')}
                  </Button>
                )}
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

/** What is kept beside the newest: `7 daily · 4 weekly`. */
function tiers(policy: Policy, t: Translate): string {
  const kept = [
    policy.KeepHourly ? t('policies.hourly', { count: policy.KeepHourly }) : '',
    policy.KeepDaily ? t('policies.daily', { count: policy.KeepDaily }) : '',
    policy.KeepWeekly ? t('policies.weekly', { count: policy.KeepWeekly }) : '',
  ]
  return kept.filter(Boolean).join(' · ') || '–'
}

function proving(every: number, t: Translate): string {
  return every === 0 ? t('policies.proveNone') : every === 1 ? t('policies.proveAll') : t('policies.proveEvery', { every })
}
