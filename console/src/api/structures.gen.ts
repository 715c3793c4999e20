// Written by `make console` from `cetcd api schema`: what this page knows of the API. Do not edit.

export interface ChargePrepaidConfig {
  Period: number
  RenewFlag: string
}

export interface Etcd {
  InstanceId: string
  Name: string
  Description?: string | null
  VpcId: string
  Version: string
  Status: string
  Members?: EtcdMember[] | null
  Endpoint?: string | null
  DeletionProtection?: boolean | null
}

export interface EtcdAdvancedSettings {
  SecuritySettings?: EtcdSecuritySettings | null
  AutoCompactionSettings?: EtcdAutoCompactionSettings | null
  MonitorSettings?: EtcdMonitorSettings | null
  BackupSettings?: EtcdBackupSettings | null
  CustomDomains?: string | null
  CustomIPs?: string | null
}

export interface EtcdAuditRecord {
  Time: string
  Action: string
  Outcome: string
  Message?: string | null
  User: string
  SecretId: string
  Region: string
  SourceIp: string
  Parameters?: string | null
  Milliseconds: number
  Request: string
}

export interface EtcdAutoCompactionSettings {
  AutoCompactionMode: string | null
  AutoCompactionRetention: string | null
}

export interface EtcdBackup {
  Name: string
  State: string
  Origin: string
  Policy?: string | null
  Version?: string | null
  Revision?: number | null
  Keys?: number | null
  Size?: number | null
  StoredSize?: number | null
  Sha256?: string | null
  TransferredBytes?: number | null
  ExpectedBytes?: number | null
  RequestedAt: string
  StartedAt?: string | null
  EndedAt?: string | null
  SharedWith: string[]
  Attempts: number
  FailedMsg: string
  ProofState: string
  ProvedAt?: string | null
  ProofMillis?: number | null
  ProofMsg: string
}

export interface EtcdBackupPolicy {
  Name: string
  BackupInterval: number
  MaxBackupCount: number
  KeepHourly: number
  KeepDaily: number
  KeepWeekly: number
  ProveEvery: number
  LastSlot?: string | null
  NextSlot: string
}

export interface EtcdBackupSettings {
  BackupInterval: number | null
  MaxBackupCount: number | null
  User?: string | null
  Password?: string | null
  CosBucketName?: string | null
}

export interface EtcdCondition {
  Type: string
  Holds: boolean
  Reason: string
  Since: string
  Advice: string
}

export interface EtcdCredential {
  CACert?: string | null
  Cert?: string | null
  Key?: string | null
}

export interface EtcdEvent {
  EventId: string
  Time: string
  Type: string
  Level: string
  Message: string
  Reason: string
  Member: string
  TaskId: string
}

export interface EtcdKey {
  Key: string
  Encoded: string
  Version: number
  CreateRevision: number
  ModRevision: number
  Lease?: string | null
  Value?: string | null
  ValueEncoding?: string | null
  ValueSize?: number | null
  Truncated?: boolean | null
}

export interface EtcdMember {
  Name: string
  Version: string
  Zone: string
  Status: string
}

export interface EtcdMemberState {
  Name: string
  Zone: string
  Status: string
  Endpoint: string
  Role?: string | null
  Version?: string | null
  RaftTerm?: number | null
  RaftIndex?: number | null
  Lag?: number | null
  Revision?: number | null
  DatabaseSize?: number | null
  DatabaseInUse?: number | null
}

export interface EtcdMetricSeries {
  MetricName: string
  Unit: string
  Member: string
  Timestamps: number[]
  Values: number[]
}

export interface EtcdMonitorSettings {
  PrometheusCreationParam?: PrometheusCreationParam | null
  ExistedPrometheusInstanceId?: string | null
}

export interface EtcdPrometheus {
  PrometheusId: string
  Status: string
  Reason: string
  Url?: string | null
  GrafanaUrl?: string | null
  SubnetId?: string | null
  DataRetention?: number | null
  External: boolean
  Watched?: EtcdPrometheusWatched[] | null
}

export interface EtcdPrometheusWatched {
  InstanceId: string
  Members: number
  Read: number
  Reason: string
}

export interface EtcdRestoreTarget {
  Name: string
  Region?: string | null
  VpcId?: string | null
  ServiceSubnetId?: string | null
  SubnetIds?: string[] | null
  EtcdVersion?: string | null
  Size?: number | null
}

export interface EtcdRestoreTransfer {
  InstanceId: string
  SnapshotName: string
  TransferredBytes: number
  ExpectedBytes?: number | null
}

export interface EtcdSecuritySettings {
  Https?: boolean | null
  ClientCertAuth?: boolean | null
}

export interface EtcdSnapshot {
  Name: string
  Size: number
}

export interface EtcdSnapshotPolicy {
  Name: string
  BackupSettings: EtcdBackupSettings
}

export interface EtcdSubnet {
  VpcId: string
  SubnetId: string
  Zone: string
}

export interface EtcdSurvivor {
  Member: string
  LogIndex: number
  Revision: number
  CompleteUntil?: string | null
  Chosen: boolean
}

export interface EtcdTaskInfo {
  TaskID: string
  TaskType: string
  ResourceID: string
  LifeState: string
  CreatedAt: string
  UpdatedAt: string
}

export interface EtcdTaskStep {
  Step: string
  LifeState: string
  StartAt?: string | null
  EndAt?: string | null
  FailedMsg?: string | null
}

export interface Filter {
  Name: string
  Values: string[]
}

export interface InstanceConfig {
  Cpu: number
  Mem: number
  Size: number
}

export interface PrometheusCreationParam {
  SubnetId: string
  DataRetention: number
  GrafanaUserName: string
  GrafanaPassword: string
}

export interface RPCMethod {
  Name: string
}

export interface RegionInstance {
  RegionName?: string | null
  RegionId?: number | null
  Status?: string | null
  FeatureGates?: string | null
  Alias?: string | null
  Remark?: string | null
}

export interface TaskStepInfo {
  Step: string
  LifeState: string
  StartAt?: string | null
  EndAt?: string | null
  FailedMsg?: string | null
}

export interface VersionInstance {
  Name?: string | null
  Version?: string | null
  Remark?: string | null
}
