import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useChange } from '../../api/queries'
import type { Etcd } from '../../api/types'
import { useT } from '../../i18n'
import { Confirm } from '../../ui/Confirm'
import { Field } from '../../ui/Field'
import { FormDialog } from '../../ui/FormDialog'
import { Select } from '../../ui/Select'
import { Alert } from '../../ui/Notice'
import { Input } from '../../ui/Input'
import { given, numberOf, useForm } from '../../ui/useForm'
import type { Policy, Snapshot } from './backups'

interface Props {
  id: string
  onClose: () => void
}

/** A name that says when: `manual-20261123-1000`. */
function proposedName(prefix: string): string {
  return `${prefix}-${new Date().toISOString().slice(0, 16).replaceAll(/[-:]/g, '').replace('T', '-')}`
}

export function CreateSnapshot({ id, onClose }: Props) {
  const t = useT()
  const [name, setName] = useState(() => proposedName('manual'))
  const [user, setUser] = useState('')
  const [password, setPassword] = useState('')
  const form = useForm('CreateEtcdSnapshot', {
    InstanceId: id,
    SnapshotName: name.trim(),
    ...given({ User: user, Password: password }),
  })
  return (
    <FormDialog title={t('snapshots.create')} form={form} submit={t('snapshots.create')} onClose={onClose}>
      <Field label={t('column.snapshot')} problem={form.problem('SnapshotName')} required>
        {(control) => <Input {...control} value={name} onChange={setName} autoFocus />}
      </Field>
      <details>
        <summary>{t('snapshots.withAuth')}</summary>
        <div className="row">
          <Field label={t('auth.user')} problem={form.problem('User')}>
            {(control) => <Input {...control} value={user} onChange={setUser} autoComplete="off" />}
          </Field>
          <Field label={t('auth.password')} problem={form.problem('Password')}>
            {(control) => (
              <Input {...control} type="password" value={password} onChange={setPassword} autoComplete="off" />
            )}
          </Field>
        </div>
      </details>
    </FormDialog>
  )
}

export function EditPolicy({ id, policy, onClose }: Props & { policy?: Policy }) {
  const t = useT()
  const [name, setName] = useState(policy?.Name ?? '')
  const [every, setEvery] = useState(String(policy?.BackupInterval ?? 3600))
  const [count, setCount] = useState(String(policy?.MaxBackupCount ?? 24))
  const form = useForm(policy ? 'ModifyEtcdSnapshotPolicy' : 'CreateEtcdSnapshotPolicy', {
    InstanceId: id,
    SnapshotPolicyName: name.trim(),
    BackupSettings: { BackupInterval: numberOf(every), MaxBackupCount: numberOf(count) },
  })
  const title = t(policy ? 'policies.edit' : 'policies.create')
  return (
    <FormDialog title={title} form={form} submit={t(policy ? 'form.apply' : 'policies.create')} onClose={onClose}>
      {policy ? (
        <p className="strong">{policy.Name}</p>
      ) : (
        <Field label={t('column.policy')} problem={form.problem('SnapshotPolicyName')} required>
          {(control) => <Input {...control} value={name} onChange={setName} autoFocus />}
        </Field>
      )}
      <div className="row">
        <Field label={t('form.backupInterval')} problem={form.problem('BackupSettings.BackupInterval')}>
          {(control) => <Input {...control} value={every} onChange={setEvery} />}
        </Field>
        <Field label={t('form.backupCount')} problem={form.problem('BackupSettings.MaxBackupCount')}>
          {(control) => <Input {...control} value={count} onChange={setCount} />}
        </Field>
      </div>
    </FormDialog>
  )
}

/** What a policy keeps beside its newest snapshots, and how often it proves one. */
export function EditRetention({ id, policy, onClose }: Props & { policy: Policy }) {
  const t = useT()
  const [fields, setFields] = useState({
    KeepHourly: String(policy.KeepHourly ?? 0),
    KeepDaily: String(policy.KeepDaily ?? 0),
    KeepWeekly: String(policy.KeepWeekly ?? 0),
    ProveEvery: String(policy.ProveEvery ?? 1),
  })
  const form = useForm('ModifyEtcdSnapshotRetention', {
    InstanceId: id,
    SnapshotPolicyName: policy.Name,
    ...Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, numberOf(text)])),
  })
  const field = (name: keyof typeof fields) => (
    <Field label={t(`retention.${name}`)} problem={form.problem(name)}>
      {(control) => <Input {...control} value={fields[name]} onChange={(text) => setFields({ ...fields, [name]: text })} />}
    </Field>
  )
  return (
    <FormDialog title={t('retention.title', { name: policy.Name })} form={form} submit={t('form.apply')} onClose={onClose}>
      <p className="quiet">{t('retention.hint', { count: policy.MaxBackupCount })}</p>
      <div className="row">
        {field('KeepHourly')}
        {field('KeepDaily')}
        {field('KeepWeekly')}
        {field('ProveEvery')}
      </div>
    </FormDialog>
  )
}

export function DeletePolicy({ id, policy, onClose }: Props & { policy: Policy }) {
  const t = useT()
  const change = useChange()
  return (
    <Confirm
      title={t('delete.title', { name: policy.Name })}
      name={policy.Name}
      action={t('delete.confirm')}
      danger
      onClose={onClose}
      onConfirm={() => change('DeleteEtcdSnapshotPolicy', { InstanceId: id, SnapshotPolicyName: policy.Name })}
    >
      <Alert theme="warning" message={t('policies.lost')} />
    </Confirm>
  )
}

export function DeleteSnapshot({ id, snapshot, onClose }: Props & { snapshot: Snapshot }) {
  const t = useT()
  const change = useChange()
  return (
    <Confirm
      title={t('delete.title', { name: snapshot.Name })}
      name={snapshot.Name}
      action={t('delete.confirm')}
      danger
      onClose={onClose}
      onConfirm={() => change('DeleteEtcdSnapshot', { InstanceId: id, SnapshotName: snapshot.Name })}
    >
      <Alert theme="warning" message={t('snapshots.lost')} />
    </Confirm>
  )
}

export function VerifySnapshot({ id, snapshot, onClose }: Props & { snapshot: Snapshot }) {
  const t = useT()
  const change = useChange()
  return (
    <Confirm
      title={t('snapshots.verifyTitle', { name: snapshot.Name })}
      action={t('snapshots.verify')}
      onClose={onClose}
      onConfirm={() => change('VerifyEtcdSnapshot', { InstanceId: id, SnapshotName: snapshot.Name })}
    >
      <p>{t('snapshots.verifyHint')}</p>
    </Confirm>
  )
}

interface RestoreProps {
  instance: Etcd
  snapshot: Snapshot
  onClose: () => void
}

/** Into a new instance, or in place, which replaces what is there and so is confirmed by name. */
export function RestoreSnapshot({ instance, snapshot, onClose }: RestoreProps) {
  const t = useT()
  const change = useChange()
  const navigate = useNavigate()
  const [where, setWhere] = useState('new')
  const [name, setName] = useState(`${instance.Name}-restored`.slice(0, 60))
  const inPlace = where === 'place'
  return (
    <Confirm
      key={where}
      title={t('snapshots.restoreTitle', { name: snapshot.Name })}
      {...(inPlace ? { name: instance.Name } : {})}
      action={t('snapshots.restore')}
      danger={inPlace}
      onClose={onClose}
      onConfirm={async () => {
        const answer = await change('RestoreEtcdSnapshot', {
          InstanceId: instance.InstanceId,
          SnapshotName: snapshot.Name,
          ...(inPlace ? {} : { NewInstance: { Name: name.trim() } }),
        })
        await navigate({ to: '/instances/$id', params: { id: String(answer['InstanceId'] ?? instance.InstanceId) } })
      }}
    >
      <Field label={t('snapshots.where')}>
        {(control) => (
          <Select
            {...control}
            value={where}
            onChange={setWhere}
            choices={[
              { value: 'new', label: t('snapshots.whereNew') },
              { value: 'place', label: t('snapshots.wherePlace', { name: instance.Name }) },
            ]}
          />
        )}
      </Field>
      {inPlace ? (
        <Alert theme="warning" message={t('snapshots.replaced')} />
      ) : (
        <Field label={t('snapshots.newName')}>
          {(control) => <Input {...control} value={name} onChange={setName} />}
        </Field>
      )}
    </Confirm>
  )
}
