import { useState } from 'react'
import { useChange, useRead } from '../../api/queries'
import type { Etcd } from '../../api/types'
import { upgradeTargets } from '../../api/versions'
import { useT } from '../../i18n'
import { Confirm } from '../../ui/Confirm'
import { Field } from '../../ui/Field'
import { FormCard } from '../../ui/FormCard'
import { Select } from '../../ui/Select'
import { Alert } from '../../ui/Notice'
import { Input, Textarea } from '../../ui/Input'
import { Button } from '../../ui/td'
import { given, numberOf, useForm } from '../../ui/useForm'
import { SIZES } from '../create/request'
import { useShownInstance } from './context'
import { Authentication } from './Authentication'
import { SubnetsForm } from './SubnetsForm'
import { Watching } from './Watching'

export function Configuration() {
  const t = useT()
  const instance = useShownInstance()
  const busy = !['running', 'abnormal'].includes(instance.Status)
  return (
    <div className="stack" key={instance.InstanceId}>
      {busy && <Alert theme="info" message={t('configuration.busy', { status: t.word('status', instance.Status) })} />}
      <Size instance={instance} />
      <Upgrade instance={instance} />
      <Compaction instance={instance} />
      <Machines instance={instance} />
      <SubnetsForm instance={instance} />
      <Watching instance={instance} />
      <Names instance={instance} />
      <Authentication instance={instance} />
      <Protection instance={instance} />
    </div>
  )
}

function Size({ instance }: { instance: Etcd }) {
  const t = useT()
  const current = instance.Members?.length ?? 0
  const [size, setSize] = useState<number>()
  const chosen = size ?? current
  const form = useForm('ResizeEtcdInstance', { InstanceId: instance.InstanceId, Size: chosen })
  return (
    <FormCard title={t('resize.title')} hint={t('resize.hint')} form={form} submit={t('resize.submit')} disabled={chosen === current}>
      <Field label={t('form.size')} problem={form.problem('Size')}>
        {(control) => (
          <Select
            {...control}
            value={String(chosen)}
            onChange={(value) => setSize(Number(value))}
            choices={SIZES.map((value) => ({
              value: String(value),
              label: value === current ? t('form.current', { value }) : String(value),
            }))}
          />
        )}
      </Field>
      {chosen === 1 && current > 1 && <Alert theme="warning" message={t('resize.alone')} />}
    </FormCard>
  )
}

function Upgrade({ instance }: { instance: Etcd }) {
  const t = useT()
  const versions = useRead('DescribeEtcdAvailableVersions', {}, { staleTime: 60_000 })
  const offered = (versions.data?.Versions ?? []).map((known) => known.Version ?? '')
  const targets = upgradeTargets(instance.Version, offered)
  const [version, setVersion] = useState('')
  const chosen = targets.includes(version) ? version : (targets[0] ?? '')
  const form = useForm('UpgradeEtcdInstance', { InstanceId: instance.InstanceId, EtcdVersion: chosen })
  return (
    <FormCard title={t('upgrade.title')} hint={t('upgrade.hint')} form={form} submit={t('upgrade.submit')} disabled={!chosen}>
      {targets.length === 0 ? (
        <p>{t('upgrade.newest', { version: instance.Version })}</p>
      ) : (
        <Field label={t('upgrade.to', { version: instance.Version })}>
          {(control) => (
            <Select
              {...control}
              value={chosen}
              onChange={setVersion}
              choices={targets.map((value) => ({ value, label: value }))}
            />
          )}
        </Field>
      )}
    </FormCard>
  )
}

function Compaction({ instance }: { instance: Etcd }) {
  const t = useT()
  const [mode, setMode] = useState('periodic')
  const [retention, setRetention] = useState('')
  const form = useForm('ModifyEtcdConfiguration', {
    InstanceId: instance.InstanceId,
    AutoCompactionSettings: { AutoCompactionMode: mode, AutoCompactionRetention: retention.trim() },
  })
  return (
    <FormCard title={t('compaction.title')} hint={t('compaction.hint')} form={form} submit={t('form.apply')} disabled={!retention.trim()}>
      <div className="row">
        <Field label={t('compaction.mode')}>
          {(control) => (
            <Select
              {...control}
              value={mode}
              onChange={setMode}
              choices={[
                { value: 'periodic', label: t('compaction.periodic') },
                { value: 'revision', label: t('compaction.revision') },
              ]}
            />
          )}
        </Field>
        <Field
          label={t('compaction.retention')}
          hint={t(mode === 'periodic' ? 'compaction.periodicHint' : 'compaction.revisionHint')}
          problem={form.problem('AutoCompactionSettings.AutoCompactionRetention')}
        >
          {(control) => (
            <Input {...control} value={retention} onChange={setRetention} placeholder={mode === 'periodic' ? '1h' : '10000'} />
          )}
        </Field>
      </div>
    </FormCard>
  )
}

function Machines({ instance }: { instance: Etcd }) {
  const t = useT()
  const [cpu, setCpu] = useState('')
  const [memory, setMemory] = useState('')
  const form = useForm('ModifyEtcdConfiguration', {
    InstanceId: instance.InstanceId,
    InstanceConfig: { Cpu: numberOf(cpu), Mem: numberOf(memory), Size: instance.Members?.length ?? 0 },
  })
  return (
    <FormCard
      title={t('machines.title')}
      hint={t('machines.hint')}
      form={form}
      submit={t('form.apply')}
      disabled={!cpu.trim() || !memory.trim()}
    >
      <div className="row">
        <Field label={t('machines.cpu')} problem={form.problem('InstanceConfig.Cpu')}>
          {(control) => <Input {...control} value={cpu} onChange={setCpu} />}
        </Field>
        <Field label={t('machines.memory')} problem={form.problem('InstanceConfig.Mem')}>
          {(control) => <Input {...control} value={memory} onChange={setMemory} />}
        </Field>
      </div>
    </FormCard>
  )
}

function Names({ instance }: { instance: Etcd }) {
  const t = useT()
  const [name, setName] = useState(instance.Name)
  const [description, setDescription] = useState(instance.Description ?? '')
  const changed = name !== instance.Name || description !== (instance.Description ?? '')
  const form = useForm('ModifyEtcdAttribute', {
    InstanceId: instance.InstanceId,
    ...given({ Name: name }),
    // An empty description is a description: it takes the old one away.
    Description: description,
  })
  return (
    <FormCard title={t('names.title')} hint={t('names.hint')} form={form} submit={t('form.apply')} disabled={!changed || !name}>
      <Field label={t('form.name')} problem={form.problem('Name')}>
        {(control) => <Input {...control} value={name} onChange={setName} />}
      </Field>
      <Field label={t('form.description')} problem={form.problem('Description')}>
        {(control) => <Textarea {...control} value={description} onChange={setDescription} rows={2} />}
      </Field>
    </FormCard>
  )
}

function Protection({ instance }: { instance: Etcd }) {
  const t = useT()
  const change = useChange()
  const [asking, setAsking] = useState(false)
  const on = instance.DeletionProtection === true
  const action = on ? 'DisableEtcdInstanceDeletionProtection' : 'EnableEtcdInstanceDeletionProtection'
  return (
    <section className="card form-card" aria-labelledby="protection">
      <div>
        <h2 id="protection">{t('facts.protection')}</h2>
        <p className="quiet">{t('protection.hint')}</p>
      </div>
      <div className="inline">
        <strong>{t(on ? 'common.on' : 'common.off')}</strong>
        <Button variant="outline" theme={on ? 'default' : 'primary'} onClick={() => setAsking(true)}>
          {t(on ? 'protection.off' : 'protection.on')}
        </Button>
      </div>
      {asking && (
        <Confirm
          title={t(on ? 'protection.off' : 'protection.on')}
          action={t(on ? 'protection.off' : 'protection.on')}
          onClose={() => setAsking(false)}
          onConfirm={() => change(action, { InstanceId: instance.InstanceId })}
        >
          <p>{t(on ? 'protection.offHint' : 'protection.onHint')}</p>
        </Confirm>
      )}
    </section>
  )
}
