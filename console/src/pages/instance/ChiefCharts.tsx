// The few charts that the overview shows.

import { Link } from '@tanstack/react-router'
import { Chart } from '../../charts/Chart'
import { chartOf, CHIEF } from '../../charts/list'
import { useMetrics } from '../../charts/useMetrics'
import { useT } from '../../i18n'

export function ChiefCharts({ id }: { id: string }) {
  const t = useT()
  const { history } = useMetrics(id, 900, CHIEF)
  if (!history) return null
  return (
    <section className="card" aria-labelledby="chief">
      <div className="bar">
        <h2 id="chief">{t('metrics.chief')}</h2>
        <Link to="/instances/$id/metrics" params={{ id }} search={{}}>
          {t('metrics.all')}
        </Link>
      </div>
      <div className="charts charts-few">
        {CHIEF.map((metric) => (
          <Chart
            key={metric}
            info={chartOf(metric)!}
            table={history.table(metric)}
            from={history.from}
            to={history.to}
            period={history.period}
            height={110}
            plain
          />
        ))}
      </div>
    </section>
  )
}
