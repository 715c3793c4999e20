// From what was filled in to CreateEtcdInstance's request.

import type { CreateEtcdInstanceRequest } from '../../api/types'
import { given, numberOf } from '../../ui/useForm'
import { NONE, toMonitorSettings, UNWATCHED, type Watch } from '../prometheus'

export const SIZES = [1, 3, 5, 7, 9]

/** What the wizard's fields hold: texts as typed. */
export interface Draft {
  name: string
  description: string
  version: string
  size: number
  vpc: string
  serviceSubnet: string
  subnets: string[]
  https: boolean
  clientCertAuth: boolean
  compactionMode: string
  compactionRetention: string
  backupInterval: string
  backupCount: string
  domains: string
  ips: string
  diskSize: string
  watch: Watch
  protection: boolean
}

export const EMPTY: Draft = {
  name: '',
  description: '',
  version: '',
  size: 3,
  vpc: '',
  serviceSubnet: '',
  subnets: [],
  https: true,
  clientCertAuth: true,
  compactionMode: 'periodic',
  compactionRetention: '',
  backupInterval: '',
  backupCount: '',
  domains: '',
  ips: '',
  diskSize: '',
  watch: UNWATCHED,
  protection: false,
}

/** What is left empty is left out: the server's defaults hold. Texts that are no numbers are kept, for the check. */
export function toRequest(draft: Draft): CreateEtcdInstanceRequest {
  const retention = draft.compactionRetention.trim()
  const interval = numberOf(draft.backupInterval)
  const count = numberOf(draft.backupCount)
  const backup = interval !== undefined || count !== undefined
  const advanced = given({
    SecuritySettings: { Https: draft.https, ClientCertAuth: draft.https && draft.clientCertAuth },
    AutoCompactionSettings: retention
      ? { AutoCompactionMode: draft.compactionMode, AutoCompactionRetention: retention }
      : undefined,
    BackupSettings: backup ? { BackupInterval: interval, MaxBackupCount: count } : undefined,
    MonitorSettings: draft.watch.by === NONE ? undefined : toMonitorSettings(draft.watch, draft.serviceSubnet.trim()),
    CustomDomains: draft.domains.trim(),
    CustomIPs: draft.ips.trim(),
  })
  return {
    Name: draft.name.trim(),
    VpcId: draft.vpc.trim(),
    ServiceSubnetId: draft.serviceSubnet.trim(),
    SubnetIds: draft.subnets,
    EtcdVersion: draft.version,
    Size: draft.size,
    ...given({ Description: draft.description, DiskSize: numberOf(draft.diskSize) }),
    AdvancedSettings: advanced,
    DeletionProtection: draft.protection,
  } as CreateEtcdInstanceRequest
}

/** The paths that each step of the wizard asks for. */
export const STEPS = [
  { key: 'cluster', paths: ['Name', 'Description', 'EtcdVersion', 'Size'] },
  { key: 'network', paths: ['VpcId', 'ServiceSubnetId', 'SubnetIds', 'AdvancedSettings.CustomDomains', 'AdvancedSettings.CustomIPs'] },
  { key: 'options', paths: ['AdvancedSettings', 'DiskSize', 'DeletionProtection'] },
  { key: 'review', paths: [] },
] as const

/** The step that asks for `path`: the one with the longest path that leads to it. */
export function stepOf(path: string): number {
  let best = { step: 0, length: -1 }
  STEPS.forEach((step, index) => {
    for (const known of step.paths)
      if ((path === known || path.startsWith(`${known}.`)) && known.length > best.length)
        best = { step: index, length: known.length }
  })
  return best.step
}
