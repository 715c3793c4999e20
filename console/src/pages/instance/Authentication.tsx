// etcd's own users and passwords.

import { useState } from 'react'
import type { Etcd } from '../../api/types'
import { useT } from '../../i18n'
import { Field } from '../../ui/Field'
import { FormCard } from '../../ui/FormCard'
import { Select } from '../../ui/Select'
import { Input } from '../../ui/Input'
import { given, useForm } from '../../ui/useForm'

export function Authentication({ instance }: { instance: Etcd }) {
  const t = useT()
  const [enable, setEnable] = useState('')
  const [password, setPassword] = useState('')
  const form = useForm(
    'ModifyEtcdAttribute',
    {
      InstanceId: instance.InstanceId,
      ...(enable ? { EnableAuth: enable === 'on' } : {}),
      ...given({ Password: password }),
    },
    () => setPassword(''),
  )
  return (
    <FormCard
      title={t('auth.title')}
      hint={t('auth.hint')}
      form={form}
      submit={t('form.apply')}
      disabled={!enable && !password}
    >
      <div className="row">
        <Field label={t('auth.enable')}>
          {(control) => (
            <Select
              {...control}
              value={enable}
              onChange={setEnable}
              choices={[
                { value: '', label: t('auth.unchanged') },
                { value: 'on', label: t('common.on') },
                { value: 'off', label: t('common.off') },
              ]}
            />
          )}
        </Field>
        <Field label={t('auth.password')} hint={t('auth.passwordHint')} problem={form.problem('Password')}>
          {(control) => (
            <Input {...control} type="password" autoComplete="new-password" value={password} onChange={setPassword} />
          )}
        </Field>
      </div>
    </FormCard>
  )
}
