import { Link, useNavigate } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { useInstances, useRead } from '../../api/queries'
import { useSchema } from '../../api/schema'
import { useSubnets } from '../../api/subnets'
import { compareVersions } from '../../api/versions'
import { useT } from '../../i18n'
import { Failure, Waiting } from '../../ui/States'
import { Alert } from '../../ui/Notice'
import { Button } from '../../ui/td'
import { focusFirstProblem, useForm } from '../../ui/useForm'
import { ClusterStep, NetworkStep, OptionsStep } from './steps'
import { EMPTY, stepOf, STEPS, toRequest, type Draft } from './request'
import { Review } from './Review'

/** Once there is what the steps are checked by: before, every step would be as it should be. */
export function CreatePage() {
  return useSchema() ? <Wizard /> : <Waiting />
}

function Wizard() {
  const t = useT()
  const navigate = useNavigate()
  const subnets = useSubnets()
  const versions = useRead('DescribeEtcdAvailableVersions', {}, { staleTime: 60_000 })
  const quota = useRead('DescribeEtcdQuota', {}, { staleTime: 60_000 }).data?.QuotaLimit
  const count = useInstances().data?.length
  const [touched, setTouched] = useState<Partial<Draft>>({})
  const [step, setStep] = useState(0)
  const [reached, setReached] = useState(0)

  const offered = (versions.data?.Versions ?? [])
    .map((known) => ({ version: known.Version ?? '', installed: known.Remark === 'installed' }))
    .sort((a, b) => compareVersions(b.version, a.version))
  // What is not touched follows what the server has to offer, as soon as that is known.
  const vpc = touched.vpc ?? subnets[0]?.VpcId ?? ''
  const inVpc = subnets.filter((subnet) => subnet.VpcId === vpc).map((subnet) => subnet.SubnetId)
  const draft: Draft = {
    ...EMPTY,
    version: (offered.find((known) => known.installed) ?? offered[0])?.version ?? '',
    serviceSubnet: inVpc[0] ?? '',
    subnets: inVpc.slice(0, 9),
    ...touched,
    vpc,
  }
  const set = (change: Partial<Draft>) =>
    setTouched((before) => {
      const next = { ...before, ...change }
      // Subnets of another VPC are no choice.
      if (change.vpc !== undefined && change.vpc !== before.vpc) {
        delete next.serviceSubnet
        delete next.subnets
      }
      return next
    })
  const form = useForm('CreateEtcdInstance', { ...toRequest(draft) }, (answer) => {
    void navigate({ to: '/instances/$id', params: { id: String(answer['InstanceId']) } })
  })
  const wrong = (index: number) => form.problems.filter((problem) => stepOf(problem.path) === index)
  const go = (index: number) => {
    setStep(index)
    // Nothing is missing yet from a step that is seen for the first time.
    form.reveal(index <= reached)
    setReached(Math.max(reached, index))
  }
  const last = STEPS.length - 1
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (step < last) {
      form.reveal(true)
      if (wrong(step).length > 0) return focusFirstProblem()
      return go(step + 1)
    }
    if (form.problems[0]) return go(stepOf(form.problems[0].path))
    await form.submit()
  }

  return (
    <>
      <p className="crumbs">
        <Link to="/instances">{t('instances.title')}</Link>
      </p>
      <div className="heading">
        <h1>{t('create.title')}</h1>
      </div>
      {quota !== undefined && count !== undefined && count >= quota && (
        <Alert theme="warning" message={t('create.full', { limit: quota })} />
      )}
      <form className="wizard" onSubmit={(event) => void submit(event)} noValidate>
        <ol className="wizard-steps" aria-label={t('create.steps')}>
          {STEPS.map(({ key }, index) => (
            <li key={key} aria-current={index === step ? 'step' : undefined}>
              <button type="button" disabled={index > reached} onClick={() => go(index)}>
                <span className="wizard-number">{index + 1}</span>
                {t(`create.${key}`)}
                {index < reached && wrong(index).length > 0 && <span className="problem"> !</span>}
              </button>
            </li>
          ))}
        </ol>
        <div className="card stack">
          {versions.error && <Failure error={versions.error} retry={() => void versions.refetch()} />}
          {step === 0 && <ClusterStep draft={draft} set={set} problem={form.problem} offered={offered} />}
          {step === 1 && <NetworkStep draft={draft} set={set} problem={form.problem} subnets={subnets} />}
          {step === 2 && <OptionsStep draft={draft} set={set} problem={form.problem} />}
          {step === last && <Review draft={draft} />}
          {form.error !== undefined && <Failure error={form.error} />}
          <div className="wizard-buttons">
            {step > 0 && (
              <Button variant="outline" onClick={() => go(step - 1)}>
                {t('common.back')}
              </Button>
            )}
            <Button type="submit" theme="primary" loading={form.busy}>
              {t(step === last ? 'create.submit' : 'common.next')}
            </Button>
          </div>
        </div>
      </form>
    </>
  )
}
