// Which Prometheus is to watch an instance, as it is chosen, and as the API is asked for it.

import type { EtcdMonitorSettings } from '../api/types'
import { numberOf } from '../ui/useForm'

export const NONE = 'none'
export const NEW = 'new'

/** The fields: texts as typed. */
export interface Watch {
  /** `NONE`, `NEW` or the ID of one that there is. */
  by: string
  /** Days that a new one keeps. */
  retention: string
  /** Of a new one's Grafana. */
  user: string
  password: string
}

export const UNWATCHED: Watch = { by: NONE, retention: '15', user: 'admin', password: '' }

/** Texts that are no numbers are kept, for the check. A new one has its address in `subnet`. */
export function toMonitorSettings({ by, retention, user, password }: Watch, subnet: string): EtcdMonitorSettings {
  if (by !== NEW) return { ExistedPrometheusInstanceId: by === NONE ? '' : by }
  const made = {
    SubnetId: subnet,
    DataRetention: numberOf(retention),
    GrafanaUserName: user.trim(),
    GrafanaPassword: password,
  }
  return { PrometheusCreationParam: made } as EtcdMonitorSettings
}
