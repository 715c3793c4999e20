// A task that is under way, with its steps.

import { useHasAction } from '../../api/schema'
import type { EtcdTaskInfo } from '../../api/types'
import { useT } from '../../i18n'
import { Status } from '../../ui/Status'
import { Time } from '../../ui/Time'
import { TaskSteps } from '../TaskTable'

export function UnderWay({ task }: { task: EtcdTaskInfo }) {
  const t = useT()
  const told = useHasAction('DescribeEtcdTaskSteps')
  return (
    <section className="card" aria-labelledby="progress">
      <h2 id="progress">{t('progress.title')}</h2>
      <p className="inline">
        <strong>{t.word('task', task.TaskType)}</strong>
        <Status of="state" value={task.LifeState} />
        <Time at={task.CreatedAt} />
      </p>
      {told ? <TaskSteps task={task.TaskID} /> : <p className="quiet">{t('progress.hint')}</p>}
    </section>
  )
}
