// Tasks, newest first. Their steps are asked for when a row is opened; older servers tell those of creations alone.

import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useCreation, useTaskSteps } from '../api/queries'
import { useHasAction } from '../api/schema'
import type { EtcdTaskInfo } from '../api/types'
import { useT } from '../i18n'
import { Status } from '../ui/Status'
import { Failure, Waiting } from '../ui/States'
import { duration, Time } from '../ui/Time'
import { Button } from '../ui/td'
import { Steps } from './Steps'

/** The most rows drawn at first. */
const ROWS = 100

export function TaskTable({ tasks, withInstance = false }: { tasks: EtcdTaskInfo[]; withInstance?: boolean }) {
  const t = useT()
  const [open, setOpen] = useState<string>()
  const [all, setAll] = useState(false)
  const rows = all ? tasks : tasks.slice(0, ROWS)
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={t('tasks.title')}>
      <table className="table cards">
        <thead>
          <tr>
            <th scope="col">{t('column.task')}</th>
            {withInstance && <th scope="col">{t('column.instance')}</th>}
            <th scope="col">{t('column.state')}</th>
            <th scope="col">{t('column.started')}</th>
            <th scope="col">{t('column.took')}</th>
            <th scope="col">
              <span className="hidden">{t('column.actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((task) => (
            <Row
              key={task.TaskID}
              task={task}
              withInstance={withInstance}
              open={open === task.TaskID}
              toggle={() => setOpen(open === task.TaskID ? undefined : task.TaskID)}
            />
          ))}
        </tbody>
      </table>
      {rows.length < tasks.length && (
        <div className="pages">
          <Button variant="outline" size="small" onClick={() => setAll(true)}>
            {t('tasks.all', { count: tasks.length })}
          </Button>
        </div>
      )}
    </div>
  )
}

interface RowProps {
  task: EtcdTaskInfo
  withInstance: boolean
  open: boolean
  toggle: () => void
}

function Row({ task, withInstance, open, toggle }: RowProps) {
  const t = useT()
  const told = useHasAction('DescribeEtcdTaskSteps')
  const hasSteps = told || task.TaskType === 'create_instance'
  const ended = task.LifeState === 'process' ? undefined : task.UpdatedAt
  return (
    <>
      <tr>
        <th scope="row">
          {t.word('task', task.TaskType)}
          <div className="quiet mono small">{task.TaskID}</div>
        </th>
        {withInstance && (
          <td data-label={t('column.instance')} className="mono">
            <Link to="/instances/$id" params={{ id: task.ResourceID }}>
              {task.ResourceID}
            </Link>
          </td>
        )}
        <td data-label={t('column.state')}>
          <Status of="state" value={task.LifeState} />
        </td>
        <td data-label={t('column.started')}>
          <Time at={task.CreatedAt} />
        </td>
        <td data-label={t('column.took')}>{duration(task.CreatedAt, ended, Date.now())}</td>
        <td className="row-actions">
          {hasSteps && (
            <Button size="small" variant="text" aria-expanded={open} onClick={toggle}>
              {t('tasks.steps')}
            </Button>
          )}
        </td>
      </tr>
      {open && (
        <tr>
          <td colSpan={6}>
            {told ? <TaskSteps task={task.TaskID} /> : <CreationSteps id={task.ResourceID} />}
          </td>
        </tr>
      )}
    </>
  )
}

export function TaskSteps({ task }: { task: string }) {
  const steps = useTaskSteps(task, true)
  if (steps.isPending) return <Waiting />
  if (steps.error) return <Failure error={steps.error} />
  return <Steps steps={steps.data} />
}

function CreationSteps({ id }: { id: string }) {
  const steps = useCreation(id, true)
  if (steps.isPending) return <Waiting />
  if (steps.error) return <Failure error={steps.error} />
  return <Steps steps={steps.data} />
}
