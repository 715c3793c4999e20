// Which other accounts may make instances of a snapshot.

import { useState } from 'react'
import { useT } from '../../i18n'
import { useSession } from '../../session'
import { Copyable } from '../../ui/Copy'
import { Field } from '../../ui/Field'
import { FormDialog } from '../../ui/FormDialog'
import { Input } from '../../ui/Input'
import { useForm } from '../../ui/useForm'
import type { Snapshot } from './backups'

interface Props {
  id: string
  snapshot: Snapshot
  onClose: () => void
}

export function ShareSnapshot({ id, snapshot, onClose }: Props) {
  const t = useT()
  const region = useSession()?.region ?? ''
  const [accounts, setAccounts] = useState((snapshot.SharedWith ?? []).join(', '))
  const form = useForm('ShareEtcdSnapshot', {
    InstanceId: id,
    SnapshotName: snapshot.Name,
    AccountIds: accounts.split(/[,，\s]+/).filter(Boolean),
  })
  return (
    <FormDialog title={t('share.title', { name: snapshot.Name })} form={form} submit={t('form.apply')} onClose={onClose}>
      <p>{t('share.hint')}</p>
      <dl className="facts">
        <dt>{t('column.instance')}</dt>
        <dd>
          <Copyable text={id} />
        </dd>
        <dt>{t('column.snapshot')}</dt>
        <dd>
          <Copyable text={snapshot.Name} />
        </dd>
        <dt>{t('nav.region')}</dt>
        <dd>
          <Copyable text={region} />
        </dd>
      </dl>
      <Field label={t('share.accounts')} hint={t('share.accountsHint')} problem={form.problem('AccountIds')}>
        {(control) => (
          <Input {...control} value={accounts} onChange={setAccounts} autoComplete="off" spellCheck={false} autoFocus />
        )}
      </Field>
    </FormDialog>
  )
}
