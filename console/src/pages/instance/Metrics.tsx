// Charts of the last two hours, from the server's own memory: no Prometheus is needed.

import { useNavigate, useSearch } from '@tanstack/react-router'
import { Chart } from '../../charts/Chart'
import { GROUPS } from '../../charts/list'
import { useMetrics } from '../../charts/useMetrics'
import { useT } from '../../i18n'
import { Empty, Failure, Waiting } from '../../ui/States'
import { useShownInstance } from './context'
import { RANGES, rangeOf } from './ranges'

export function Metrics() {
  const t = useT()
  const { InstanceId: id } = useShownInstance()
  const { range } = useSearch({ from: '/shell/instances/$id/metrics' })
  const navigate = useNavigate({ from: '/instances/$id/metrics' })
  const chosen = rangeOf(range)
  const { history, error, isPending, refetch } = useMetrics(id, chosen.seconds)
  return (
    <div className="stack">
      <div className="bar">
        <p className="quiet">{t('metrics.hint')}</p>
        <div className="segments" role="group" aria-label={t('metrics.range')}>
          {RANGES.map(({ name, words }) => (
            <button
              key={name}
              type="button"
              aria-pressed={name === chosen.name}
              onClick={() => void navigate({ search: { range: name }, replace: true })}
            >
              {t(words)}
            </button>
          ))}
        </div>
      </div>
      {isPending && <Waiting />}
      {error && !history && <Failure error={error} retry={() => void refetch()} />}
      {history && GROUPS.every((group) => group.charts.every(({ metric }) => history.table(metric).members.length === 0)) ? (
        <Empty title={t('metrics.none')}>{t('metrics.noneHint')}</Empty>
      ) : (
        history &&
        GROUPS.map((group) => (
          <section key={group.name} aria-labelledby={`charts-${group.name}`}>
            <h2 id={`charts-${group.name}`} className="group">
              {t(`metrics.${group.name}`)}
            </h2>
            <div className="charts">
              {group.charts.map((info) => (
                <Chart
                  key={info.metric}
                  info={info}
                  table={history.table(info.metric)}
                  from={history.from}
                  to={history.to}
                  period={history.period}
                />
              ))}
            </div>
          </section>
        ))
      )}
    </div>
  )
}
