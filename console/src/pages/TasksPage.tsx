import { Link } from '@tanstack/react-router'
import { useTasks } from '../api/queries'
import { useT } from '../i18n'
import { Empty, Failure, Waiting } from '../ui/States'
import { TaskTable } from './TaskTable'

export function TasksPage() {
  const t = useT()
  const tasks = useTasks()
  return (
    <>
      <div className="heading">
        <h1>{t('tasks.title')}</h1>
      </div>
      {tasks.isPending && <Waiting />}
      {tasks.error && !tasks.data && <Failure error={tasks.error} retry={() => void tasks.refetch()} />}
      {tasks.data?.length === 0 && (
        <Empty title={t('tasks.none')} action={<Link to="/instances">{t('instances.back')}</Link>}>
          {t('tasks.noneHint')}
        </Empty>
      )}
      {tasks.data && tasks.data.length > 0 && <TaskTable tasks={tasks.data} withInstance />}
    </>
  )
}
