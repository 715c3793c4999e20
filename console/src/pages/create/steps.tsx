// The wizard's steps: fields only; what is right is known by the schema.

import type { EtcdSubnet } from '../../api/types'
import type { Problem } from '../../api/validate'
import { useT } from '../../i18n'
import { Field } from '../../ui/Field'
import { Select } from '../../ui/Select'
import { Alert } from '../../ui/Notice'
import { Input, Textarea } from '../../ui/Input'
import { Checkbox } from '../../ui/td'
import { PrometheusChoice } from '../PrometheusChoice'
import { SubnetChoice } from '../SubnetChoice'
import { SIZES, type Draft } from './request'

interface Props {
  draft: Draft
  set: (change: Partial<Draft>) => void
  problem: (path: string) => Problem | undefined
}

interface Offered {
  version: string
  installed: boolean
}

export function ClusterStep({ draft, set, problem, offered }: Props & { offered: Offered[] }) {
  const t = useT()
  return (
    <>
      <Field label={t('form.name')} hint={t('create.nameHint')} problem={problem('Name')} required>
        {(control) => <Input {...control} value={draft.name} onChange={(name) => set({ name })} autoFocus />}
      </Field>
      <div className="row">
        <Field label={t('column.version')} hint={t('create.versionHint')} problem={problem('EtcdVersion')} required>
          {(control) => (
            <Select
              {...control}
              value={draft.version}
              onChange={(version) => set({ version })}
              choices={offered.map(({ version, installed }) => ({
                value: version,
                label: installed ? version : t('create.downloaded', { version }),
              }))}
            />
          )}
        </Field>
        <Field label={t('form.size')} hint={t('create.sizeHint')} problem={problem('Size')} required>
          {(control) => (
            <Select
              {...control}
              value={String(draft.size)}
              onChange={(size) => set({ size: Number(size) })}
              choices={SIZES.map((size) => ({
                value: String(size),
                label: t('create.survives', { size, lost: Math.floor((size - 1) / 2) }),
              }))}
            />
          )}
        </Field>
      </div>
      <Field label={t('form.description')} problem={problem('Description')}>
        {(control) => (
          <Textarea
            {...control}
            value={draft.description}
            onChange={(description) => set({ description })}
            rows={2}
          />
        )}
      </Field>
    </>
  )
}

export function NetworkStep({ draft, set, problem, subnets }: Props & { subnets: EtcdSubnet[] }) {
  const t = useT()
  const vpcs = [...new Set(subnets.map((subnet) => subnet.VpcId))]
  const inVpc = subnets.filter((subnet) => subnet.VpcId === draft.vpc)
  return (
    <>
      <div className="row">
        <Field label={t('column.vpc')} problem={problem('VpcId')} required>
          {(control) =>
            vpcs.length > 0 ? (
              <Select
                {...control}
                value={draft.vpc}
                onChange={(vpc) => set({ vpc })}
                choices={vpcs.map((value) => ({ value, label: value }))}
              />
            ) : (
              <Input {...control} value={draft.vpc} onChange={(vpc) => set({ vpc })} placeholder="vpc-…" />
            )
          }
        </Field>
        <Field
          label={t('form.serviceSubnet')}
          hint={t('create.serviceSubnetHint')}
          problem={problem('ServiceSubnetId')}
          required
        >
          {(control) =>
            inVpc.length > 0 ? (
              <Select
                {...control}
                value={draft.serviceSubnet}
                onChange={(serviceSubnet) => set({ serviceSubnet })}
                choices={inVpc.map((subnet) => ({
                  value: subnet.SubnetId,
                  label: `${subnet.SubnetId} (${subnet.Zone})`,
                }))}
              />
            ) : (
              <Input
                {...control}
                value={draft.serviceSubnet}
                onChange={(serviceSubnet) => set({ serviceSubnet })}
                placeholder="subnet-…"
              />
            )
          }
        </Field>
      </div>
      <SubnetChoice
        subnets={inVpc}
        value={draft.subnets}
        onChange={(chosen) => set({ subnets: chosen })}
        problem={problem('SubnetIds')}
      />
      <div className="row">
        <Field
          label={t('form.domains')}
          hint={t('create.domainsHint')}
          problem={problem('AdvancedSettings.CustomDomains')}
        >
          {(control) => (
            <Input
              {...control}
              value={draft.domains}
              onChange={(domains) => set({ domains })}
              placeholder="*.example.com"
            />
          )}
        </Field>
        <Field label={t('form.ips')} hint={t('create.ipsHint')} problem={problem('AdvancedSettings.CustomIPs')}>
          {(control) => (
            <Input {...control} value={draft.ips} onChange={(ips) => set({ ips })} placeholder="192.0.2.1" />
          )}
        </Field>
      </div>
    </>
  )
}

export function OptionsStep({ draft, set, problem }: Props) {
  const t = useT()
  const backup = 'AdvancedSettings.BackupSettings'
  return (
    <>
      <div className="choices">
        <Checkbox checked={draft.https} onChange={(https) => set({ https })}>
          {t('form.https')}
        </Checkbox>
        <Checkbox
          checked={draft.https && draft.clientCertAuth}
          disabled={!draft.https}
          onChange={(clientCertAuth) => set({ clientCertAuth })}
        >
          {t('form.clientCertAuth')}
        </Checkbox>
        <Checkbox checked={draft.protection} onChange={(protection) => set({ protection })}>
          {t('facts.protection')}
        </Checkbox>
      </div>
      {!draft.https && <Alert theme="warning" message={t('create.plainHint')} />}
      <div className="row">
        <Field label={t('compaction.mode')}>
          {(control) => (
            <Select
              {...control}
              value={draft.compactionMode}
              onChange={(compactionMode) => set({ compactionMode })}
              choices={[
                { value: 'periodic', label: t('compaction.periodic') },
                { value: 'revision', label: t('compaction.revision') },
              ]}
            />
          )}
        </Field>
        <Field
          label={t('compaction.retention')}
          hint={t(draft.compactionMode === 'periodic' ? 'compaction.periodicHint' : 'compaction.revisionHint')}
          problem={problem('AdvancedSettings.AutoCompactionSettings')}
        >
          {(control) => (
            <Input
              {...control}
              value={draft.compactionRetention}
              onChange={(compactionRetention) => set({ compactionRetention })}
            />
          )}
        </Field>
      </div>
      <div className="row">
        <Field label={t('form.backupInterval')} hint={t('create.backupHint')} problem={problem(`${backup}.BackupInterval`)}>
          {(control) => (
            <Input
              {...control}
              value={draft.backupInterval}
              onChange={(backupInterval) => set({ backupInterval })}
              placeholder="3600"
            />
          )}
        </Field>
        <Field label={t('form.backupCount')} problem={problem(`${backup}.MaxBackupCount`)}>
          {(control) => (
            <Input
              {...control}
              value={draft.backupCount}
              onChange={(backupCount) => set({ backupCount })}
              placeholder="24"
            />
          )}
        </Field>
        <Field label={t('form.diskSize')} hint={t('create.diskHint')} problem={problem('DiskSize')}>
          {(control) => (
            <Input
              {...control}
              value={draft.diskSize}
              onChange={(diskSize) => set({ diskSize })}
            />
          )}
        </Field>
      </div>
      <PrometheusChoice
        label={t('watching.title')}
        hint={t('watching.hint')}
        watch={draft.watch}
        onChange={(watch) => set({ watch })}
        problem={(path) => problem(`AdvancedSettings.MonitorSettings.${path}`)}
      />
    </>
  )
}
