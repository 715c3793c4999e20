// The fields that choose who watches an instance: nobody, a Prometheus that there is, or a new one.

import { useRead } from '../api/queries'
import { useHasAction } from '../api/schema'
import type { Problem } from '../api/validate'
import { useT } from '../i18n'
import { Field } from '../ui/Field'
import { Input } from '../ui/Input'
import { Select } from '../ui/Select'
import { Failure } from '../ui/States'
import { NEW, NONE, type Watch } from './prometheus'

/** The Prometheus instances of the region. A server that does not list them can still make one. */
export function usePrometheus() {
  return useRead('DescribeEtcdPrometheus', {}, { enabled: useHasAction('DescribeEtcdPrometheus'), interval: 5000 })
}

interface Props {
  label: string
  hint?: string
  watch: Watch
  onChange: (watch: Watch) => void
  /** What is wrong with a field of MonitorSettings. */
  problem: (path: string) => Problem | undefined
}

export function PrometheusChoice({ label, hint, watch, onChange, problem }: Props) {
  const t = useT()
  const known = usePrometheus()
  const set = (change: Partial<Watch>) => onChange({ ...watch, ...change })
  const field = (name: string) => problem(`PrometheusCreationParam.${name}`)
  return (
    <>
      {known.error && !known.data && <Failure error={known.error} retry={() => void known.refetch()} />}
      <Field label={label} hint={hint} problem={problem('ExistedPrometheusInstanceId')}>
        {(control) => (
          <Select
            {...control}
            value={watch.by}
            onChange={(by) => set({ by })}
            choices={[
              { value: NONE, label: t('watching.none') },
              ...(known.data?.Prometheus ?? []).map((one) => ({
                value: one.PrometheusId,
                label: `${one.PrometheusId} (${t.word('status', one.Status)})`,
              })),
              { value: NEW, label: t('watching.new') },
            ]}
          />
        )}
      </Field>
      {watch.by === NEW && (
        <div className="row">
          <Field label={t('watching.retention')} problem={field('DataRetention')} required>
            {(control) => (
              <Input {...control} value={watch.retention} onChange={(retention) => set({ retention })} inputMode="numeric" />
            )}
          </Field>
          <Field label={t('watching.user')} problem={field('GrafanaUserName')} required>
            {(control) => <Input {...control} value={watch.user} onChange={(user) => set({ user })} autoComplete="off" />}
          </Field>
          <Field label={t('watching.password')} problem={field('GrafanaPassword')} required>
            {(control) => (
              <Input
                {...control}
                type="password"
                autoComplete="new-password"
                value={watch.password}
                onChange={(password) => set({ password })}
              />
            )}
          </Field>
        </div>
      )}
    </>
  )
}
