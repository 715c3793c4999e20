import { useCreation, useHealth, useTasks } from '../../api/queries'
import { useHasAction } from '../../api/schema'
import type { Etcd, EtcdCondition } from '../../api/types'
import { useT } from '../../i18n'
import { Copyable } from '../../ui/Copy'
import { Failure, Waiting } from '../../ui/States'
import { Time } from '../../ui/Time'
import { Steps } from '../Steps'
import { ChiefCharts } from './ChiefCharts'
import { useShownInstance } from './context'
import { Recover } from './Recover'
import { Topology } from './Topology'
import { UnderWay } from './UnderWay'

export function Overview() {
  const t = useT()
  const instance = useShownInstance()
  return (
    <div className="columns">
      <div className="stack">
        <Progress instance={instance} />
        <section className="card" aria-labelledby="topology">
          <h2 id="topology">{t('topology.title')}</h2>
          <Topology instance={instance} />
        </section>
        <ChiefCharts id={instance.InstanceId} />
      </div>
      <div className="stack">
        <Health id={instance.InstanceId} />
        <section className="card" aria-labelledby="facts">
          <h2 id="facts">{t('facts.title')}</h2>
          <dl className="facts">
            <dt>{t('column.endpoint')}</dt>
            <dd>{instance.Endpoint ? <Copyable text={instance.Endpoint} /> : t('facts.noEndpoint')}</dd>
            <dt>{t('column.version')}</dt>
            <dd>{instance.Version}</dd>
            <dt>{t('column.members')}</dt>
            <dd>{instance.Members?.length ?? 0}</dd>
            <dt>{t('column.vpc')}</dt>
            <dd className="mono">{instance.VpcId}</dd>
            <dt>{t('facts.protection')}</dt>
            <dd>{t(instance.DeletionProtection ? 'common.on' : 'common.off')}</dd>
            {instance.Description && (
              <>
                <dt>{t('form.description')}</dt>
                <dd className="pre">{instance.Description}</dd>
              </>
            )}
          </dl>
        </section>
      </div>
    </div>
  )
}

/** What is being done to the instance now. */
function Progress({ instance }: { instance: Etcd }) {
  const t = useT()
  const tasks = useTasks(instance.InstanceId)
  const newest = tasks.data?.[0]
  const isCreation = newest ? newest.TaskType === 'create_instance' : instance.Status === 'creating'
  const creation = useCreation(instance.InstanceId, isCreation)
  const underWay = newest?.LifeState === 'process' || instance.Status === 'creating'
  // A creation stays in sight until something else has been done: its steps say how the cluster came to be.
  if (isCreation && creation.data && (underWay || newest?.LifeState === 'failed' || tasks.data?.length === 1)) {
    return (
      <section className="card" aria-labelledby="progress">
        <h2 id="progress">{t('progress.creation')}</h2>
        <Steps steps={creation.data} />
      </section>
    )
  }
  return newest && underWay ? <UnderWay task={newest} /> : null
}

function Health({ id }: { id: string }) {
  const t = useT()
  const health = useHealth(id)
  const recoverable = useHasAction('RecoverEtcdInstance')
  const conditions = health.data?.Conditions ?? []
  const bad = conditions.filter((condition) => !condition.Holds)
  const good = conditions.filter((condition) => condition.Holds)
  return (
    <section className="card" aria-labelledby="health" data-healthy={health.data?.Healthy}>
      <h2 id="health">{t('health.title')}</h2>
      {health.isPending && <Waiting />}
      {health.error && !health.data && <Failure error={health.error} retry={() => void health.refetch()} />}
      {health.data && conditions.length === 0 && <p className="quiet">{t('health.unknown')}</p>}
      <ul className="conditions" aria-live="polite">
        {bad.map((condition) => (
          <ConditionRow key={condition.Type} condition={condition} />
        ))}
      </ul>
      {good.length > 0 && (
        <details className="holding">
          <summary>
            <span className="status status-good">
              {t(bad.length === 0 ? 'health.allHold' : 'health.othersHold', { count: good.length })}
            </span>
          </summary>
          <ul className="conditions">
            {good.map((condition) => (
              <ConditionRow key={condition.Type} condition={condition} />
            ))}
          </ul>
        </details>
      )}
      {recoverable && bad.some((condition) => condition.Type === 'Quorum') && <Recover id={id} />}
    </section>
  )
}

function ConditionRow({ condition }: { condition: EtcdCondition }) {
  const t = useT()
  // The server writes English; what this page knows of it is shown in the reader's language.
  const known = t.word('advice', condition.Type)
  const advice = known === condition.Type || t.language === 'en' ? condition.Advice : known
  return (
    <li className={condition.Holds ? 'condition' : 'condition condition-bad'} data-condition={condition.Type}>
      <div className="inline">
        <span className={`status status-${condition.Holds ? 'good' : 'bad'}`}>
          {t.word('condition', condition.Type)}
          <span className={condition.Holds ? 'hidden' : ''}>{t(condition.Holds ? 'health.holds' : 'health.fails')}</span>
        </span>
        <span className="quiet small">
          <Time at={condition.Since} />
        </span>
      </div>
      {condition.Reason && <div className="small">{condition.Reason}</div>}
      {!condition.Holds && advice && (
        <div className="small advice">
          <strong>{t('health.advice')}</strong> {advice}
        </div>
      )}
    </li>
  )
}
