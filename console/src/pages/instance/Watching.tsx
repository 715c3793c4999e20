// Which Prometheus watches an instance: none, one that there is, or a new one.

import { useState } from 'react'
import { useRead } from '../../api/queries'
import { useSubnets } from '../../api/subnets'
import type { Etcd } from '../../api/types.gen'
import { useT } from '../../i18n'
import { Field } from '../../ui/Field'
import { FormCard } from '../../ui/FormCard'
import { Input } from '../../ui/Input'
import { Select } from '../../ui/Select'
import { numberOf, useForm } from '../../ui/useForm'

const NONE = 'none'
const NEW = 'new'

export function Watching({ instance }: { instance: Etcd }) {
  const t = useT()
  const subnet = useSubnets().find((known) => known.VpcId === instance.VpcId)?.SubnetId ?? ''
  const known = useRead('DescribeEtcdPrometheus', {}).data?.Prometheus ?? []
  const current = known.find((one) => one.Watched?.some((watched) => watched.InstanceId === instance.InstanceId))
  const [picked, setPicked] = useState<string>()
  const [retention, setRetention] = useState('15')
  const [user, setUser] = useState('admin')
  const [password, setPassword] = useState('')
  const chosen = picked ?? current?.PrometheusId ?? NONE
  const made = {
    SubnetId: subnet,
    DataRetention: numberOf(retention),
    GrafanaUserName: user,
    GrafanaPassword: password,
  }
  const form = useForm('ModifyEtcdConfiguration', {
    InstanceId: instance.InstanceId,
    MonitorSettings:
      chosen === NEW
        ? { PrometheusCreationParam: made }
        : { ExistedPrometheusInstanceId: chosen === NONE ? '' : chosen },
  })
  const path = 'MonitorSettings.PrometheusCreationParam'
  return (
    <FormCard
      title={t('watching.title')}
      hint={t('watching.hint')}
      form={form}
      submit={t('form.apply')}
      disabled={chosen === (current?.PrometheusId ?? NONE) || (chosen === NEW && !password)}
    >
      <Field label={t('watching.by')}>
        {(control) => (
          <Select
            {...control}
            value={chosen}
            onChange={setPicked}
            choices={[
              { value: NONE, label: t('watching.none') },
              ...known.map((one) => ({
                value: one.PrometheusId,
                label: `${one.PrometheusId} (${t.word('status', one.Status)})`,
              })),
              { value: NEW, label: t('watching.new') },
            ]}
          />
        )}
      </Field>
      {chosen === NEW && (
        <div className="row">
          <Field label={t('watching.retention')} problem={form.problem(`${path}.DataRetention`)}>
            {(control) => <Input {...control} value={retention} onChange={setRetention} />}
          </Field>
          <Field label={t('watching.user')} problem={form.problem(`${path}.GrafanaUserName`)}>
            {(control) => <Input {...control} value={user} onChange={setUser} />}
          </Field>
          <Field label={t('watching.password')} problem={form.problem(`${path}.GrafanaPassword`)}>
            {(control) => (
              <Input {...control} type="password" autoComplete="new-password" value={password} onChange={setPassword} />
            )}
          </Field>
        </div>
      )}
    </FormCard>
  )
}
