// Which Prometheus watches an instance, and whether it does.

import { useState } from 'react'
import { useSubnets } from '../../api/subnets'
import type { Etcd } from '../../api/types'
import { useT } from '../../i18n'
import { FormCard } from '../../ui/FormCard'
import { useForm } from '../../ui/useForm'
import { NONE, toMonitorSettings, UNWATCHED, type Watch } from '../prometheus'
import { PrometheusChoice, usePrometheus } from '../PrometheusChoice'

export function Watching({ instance }: { instance: Etcd }) {
  const t = useT()
  const subnet = useSubnets().find((known) => known.VpcId === instance.VpcId)?.SubnetId ?? ''
  const watching = (usePrometheus().data?.Prometheus ?? [])
    .flatMap((one) => (one.Watched ?? []).map((watched) => ({ ...watched, by: one.PrometheusId })))
    .find((watched) => watched.InstanceId === instance.InstanceId)
  const current = watching?.by ?? NONE
  const [picked, setPicked] = useState<Watch>()
  // Until something is picked, the choice follows what the server says.
  const watch = picked ?? { ...UNWATCHED, by: current }
  const form = useForm('ModifyEtcdConfiguration', {
    InstanceId: instance.InstanceId,
    MonitorSettings: toMonitorSettings(watch, subnet),
  })
  return (
    <FormCard
      title={t('watching.title')}
      hint={t('watching.hint')}
      form={form}
      submit={t('form.apply')}
      // What was accepted is not sent twice: another new one would be made.
      disabled={watch.by === current || form.done}
    >
      {watching && (
        <p data-watched-by={watching.by} data-read={watching.Read}>
          {t('watching.reads', { read: watching.Read, members: watching.Members })}{' '}
          {watching.Reason && <span className="quiet">{watching.Reason}</span>}
        </p>
      )}
      <PrometheusChoice
        label={t('watching.by')}
        watch={watch}
        onChange={setPicked}
        problem={(path) => form.problem(`MonitorSettings.${path}`)}
      />
    </FormCard>
  )
}
