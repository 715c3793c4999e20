// The steps of a creation, live.

import { useEffect, useState } from 'react'
import type { TaskStepInfo } from '../api/types'
import { useT } from '../i18n'
import { Status } from '../ui/Status'
import { duration } from '../ui/Time'

export function Steps({ steps }: { steps: TaskStepInfo[] }) {
  const t = useT()
  const [now, setNow] = useState(Date.now)
  const running = steps.some((step) => step.LifeState === 'running')
  useEffect(() => {
    if (!running) return
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [running])
  return (
    <ol className="steps" aria-label={t('steps.label')}>
      {steps.map((step) => (
        <li key={step.Step} className={`step step-${step.LifeState}`} data-step={step.Step} data-state={step.LifeState}>
          <div className="step-name">{t.word('step', step.Step)}</div>
          <div className="step-state">
            <Status of="state" value={step.LifeState} />
            {step.StartAt && <span className="quiet small">{duration(step.StartAt, step.EndAt, now)}</span>}
          </div>
          {step.FailedMsg && <div className="problem">{step.FailedMsg}</div>}
        </li>
      ))}
    </ol>
  )
}
