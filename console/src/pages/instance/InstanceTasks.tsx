import { useTasks } from '../../api/queries'
import { useT } from '../../i18n'
import { Empty, Failure, Waiting } from '../../ui/States'
import { TaskTable } from '../TaskTable'
import { useShownInstance } from './context'

export function InstanceTasks() {
  const t = useT()
  const tasks = useTasks(useShownInstance().InstanceId)
  if (tasks.isPending) return <Waiting />
  if (!tasks.data) return <Failure error={tasks.error} retry={() => void tasks.refetch()} />
  if (tasks.data.length === 0) return <Empty title={t('tasks.none')}>{t('tasks.noneHint')}</Empty>
  return <TaskTable tasks={tasks.data} />
}
