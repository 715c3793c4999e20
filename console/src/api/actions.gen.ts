// Written by `make console` from `cetcd api schema`: what this page knows of the API. Do not edit.

import type {
  ChargePrepaidConfig,
  Etcd,
  EtcdAdvancedSettings,
  EtcdAuditRecord,
  EtcdAutoCompactionSettings,
  EtcdBackup,
  EtcdBackupPolicy,
  EtcdBackupSettings,
  EtcdCondition,
  EtcdCredential,
  EtcdEvent,
  EtcdKey,
  EtcdMemberState,
  EtcdMetricSeries,
  EtcdMonitorSettings,
  EtcdPrometheus,
  EtcdRestoreTarget,
  EtcdRestoreTransfer,
  EtcdSnapshot,
  EtcdSnapshotPolicy,
  EtcdSubnet,
  EtcdSurvivor,
  EtcdTaskInfo,
  EtcdTaskStep,
  Filter,
  InstanceConfig,
  RPCMethod,
  RegionInstance,
  TaskStepInfo,
  VersionInstance,
} from './structures.gen'

export interface CreateEtcdInstanceRequest {
  Name: string
  VpcId: string
  ServiceSubnetId: string
  SubnetIds: string[]
  EtcdVersion: string
  Size: number
  Description?: string | null
  AdvancedSettings?: EtcdAdvancedSettings | null
  ChargeType?: string | null
  ChargePrepaid?: ChargePrepaidConfig | null
  DiskSize?: number | null
  DeletionProtection?: boolean | null
}

export interface CreateEtcdInstanceResponse {
  InstanceId: string
  RequestId: string
}

export interface CreateEtcdSnapshotPolicyRequest {
  InstanceId: string
  SnapshotPolicyName: string
  BackupSettings?: EtcdBackupSettings | null
}

export interface CreateEtcdSnapshotPolicyResponse {
  RequestId: string
}

export interface CreateEtcdSnapshotRequest {
  InstanceId: string
  SnapshotName: string
  User?: string | null
  Password?: string | null
}

export interface CreateEtcdSnapshotResponse {
  RequestId: string
}

export interface DeleteEtcdInstanceRequest {
  InstanceId: string
}

export interface DeleteEtcdInstanceResponse {
  RequestId: string
}

export interface DeleteEtcdPrometheusRequest {
  PrometheusId: string
}

export interface DeleteEtcdPrometheusResponse {
  RequestId: string
}

export interface DeleteEtcdSnapshotPolicyRequest {
  InstanceId: string
  SnapshotPolicyName: string
}

export interface DeleteEtcdSnapshotPolicyResponse {
  RequestId: string
}

export interface DeleteEtcdSnapshotRequest {
  InstanceId: string
  SnapshotName: string
}

export interface DeleteEtcdSnapshotResponse {
  RequestId: string
}

export interface DescribeEtcdAuditLogRequest {
  InstanceId?: string | null
  Before?: string | null
  Limit?: number | null
}

export interface DescribeEtcdAuditLogResponse {
  Records?: EtcdAuditRecord[] | null
  Next?: string | null
  RequestId: string
}

export type DescribeEtcdAvailableVersionsRequest = Record<string, never>

export interface DescribeEtcdAvailableVersionsResponse {
  Versions?: VersionInstance[] | null
  RequestId: string
}

export interface DescribeEtcdBackupsRequest {
  InstanceId: string
  Filters?: Filter[] | null
  Offset?: number | null
  Limit?: number | null
}

export interface DescribeEtcdBackupsResponse {
  Backups: EtcdBackup[]
  TotalCount: number
  Policies: EtcdBackupPolicy[]
  Restoring?: EtcdRestoreTransfer | null
  RequestId: string
}

export interface DescribeEtcdCreatingProgressRequest {
  InstanceId: string
}

export interface DescribeEtcdCreatingProgressResponse {
  Steps?: TaskStepInfo[] | null
  RequestId: string
}

export interface DescribeEtcdCredentialsRequest {
  InstanceId: string
}

export interface DescribeEtcdCredentialsResponse {
  Credentials?: EtcdCredential[] | null
  RequestId: string
}

export interface DescribeEtcdEventsRequest {
  InstanceId: string
  Filters?: Filter[] | null
  Offset?: number | null
  Limit?: number | null
}

export interface DescribeEtcdEventsResponse {
  Events?: EtcdEvent[] | null
  TotalCount: number
  RequestId: string
}

export interface DescribeEtcdHealthRequest {
  InstanceId: string
}

export interface DescribeEtcdHealthResponse {
  Healthy: boolean
  Conditions?: EtcdCondition[] | null
  RequestId: string
}

export interface DescribeEtcdInstancesRequest {
  InstanceIds?: string[] | null
  Filters?: Filter[] | null
  Offset?: number | null
  Limit?: number | null
}

export interface DescribeEtcdInstancesResponse {
  Etcds?: Etcd[] | null
  TotalCount: number
  RequestId: string
}

export interface DescribeEtcdInternetRequest {
  InstanceId: string
}

export interface DescribeEtcdInternetResponse {
  Enabled: boolean
  Open: boolean
  Endpoint?: string | null
  AllowedNetworks?: string[] | null
  Reason: string
  RequestId: string
}

export interface DescribeEtcdKeysRequest {
  InstanceId: string
  Prefix?: string | null
  After?: string | null
  Key?: string | null
  Limit?: number | null
}

export interface DescribeEtcdKeysResponse {
  Keys?: EtcdKey[] | null
  Count: number
  Next?: string | null
  Revision: number
  RequestId: string
}

export interface DescribeEtcdMembersRequest {
  InstanceId: string
}

export interface DescribeEtcdMembersResponse {
  Members?: EtcdMemberState[] | null
  RequestId: string
}

export interface DescribeEtcdMetricsRequest {
  InstanceId: string
  MetricNames?: string[] | null
  Seconds?: number | null
  Period?: number | null
}

export interface DescribeEtcdMetricsResponse {
  Series?: EtcdMetricSeries[] | null
  RequestId: string
}

export interface DescribeEtcdPrometheusAccessRequest {
  PrometheusId: string
}

export interface DescribeEtcdPrometheusAccessResponse {
  Url: string
  User: string
  Password: string
  GrafanaUrl?: string | null
  GrafanaUserName: string
  RequestId: string
}

export interface DescribeEtcdPrometheusRequest {
  PrometheusIds?: string[] | null
}

export interface DescribeEtcdPrometheusResponse {
  Prometheus?: EtcdPrometheus[] | null
  RequestId: string
}

export type DescribeEtcdQuotaRequest = Record<string, never>

export interface DescribeEtcdQuotaResponse {
  QuotaLimit: number
  RequestId: string
}

export type DescribeEtcdRegionsRequest = Record<string, never>

export interface DescribeEtcdRegionsResponse {
  Regions?: RegionInstance[] | null
  RequestId: string
}

export interface DescribeEtcdSnapshotPoliciesRequest {
  InstanceId: string
}

export interface DescribeEtcdSnapshotPoliciesResponse {
  SnapshotPolicies?: EtcdSnapshotPolicy[] | null
  RequestId: string
}

export interface DescribeEtcdSnapshotsRequest {
  InstanceId: string
}

export interface DescribeEtcdSnapshotsResponse {
  Snapshots?: EtcdSnapshot[] | null
  RequestId: string
}

export type DescribeEtcdSubnetsRequest = Record<string, never>

export interface DescribeEtcdSubnetsResponse {
  Subnets?: EtcdSubnet[] | null
  RequestId: string
}

export interface DescribeEtcdTaskStepsRequest {
  TaskID: string
}

export interface DescribeEtcdTaskStepsResponse {
  Steps?: EtcdTaskStep[] | null
  RequestId: string
}

export interface DescribeEtcdTasksRequest {
  TaskID?: string | null
  Filters?: Filter[] | null
}

export interface DescribeEtcdTasksResponse {
  Tasks?: EtcdTaskInfo[] | null
  RequestId: string
}

export interface DescribeRPCMethodListRequest {
  InstanceId: string
  PodName: string
  Offset?: number | null
  Limit?: number | null
}

export interface DescribeRPCMethodListResponse {
  MethodList: RPCMethod[]
  RequestId: string
}

export interface DisableEtcdInstanceDeletionProtectionRequest {
  InstanceId: string
}

export interface DisableEtcdInstanceDeletionProtectionResponse {
  RequestId: string
}

export interface DisableEtcdInternetRequest {
  InstanceId: string
}

export interface DisableEtcdInternetResponse {
  RequestId: string
}

export interface EnableEtcdInstanceDeletionProtectionRequest {
  InstanceId: string
}

export interface EnableEtcdInstanceDeletionProtectionResponse {
  RequestId: string
}

export interface EnableEtcdInternetRequest {
  InstanceId: string
  AllowedNetworks: string[]
}

export interface EnableEtcdInternetResponse {
  RequestId: string
}

export interface ModifyEtcdAttributeRequest {
  InstanceId: string
  Name?: string | null
  Description?: string | null
  Password?: string | null
  EnableAuth?: boolean | null
  EnableDeleteCos?: boolean | null
  SubnetIds?: string[] | null
}

export interface ModifyEtcdAttributeResponse {
  RequestId: string
}

export interface ModifyEtcdConfigurationRequest {
  InstanceId: string
  AutoCompactionSettings?: EtcdAutoCompactionSettings | null
  MonitorSettings?: EtcdMonitorSettings | null
  ChargeType?: string | null
  InstanceConfig?: InstanceConfig | null
  PrepaidConfig?: ChargePrepaidConfig | null
}

export interface ModifyEtcdConfigurationResponse {
  RequestId: string
}

export interface ModifyEtcdSnapshotPolicyRequest {
  InstanceId: string
  SnapshotPolicyName: string
  BackupSettings: EtcdBackupSettings
}

export interface ModifyEtcdSnapshotPolicyResponse {
  RequestId: string
}

export interface ModifyEtcdSnapshotRetentionRequest {
  InstanceId: string
  SnapshotPolicyName: string
  KeepHourly?: number | null
  KeepDaily?: number | null
  KeepWeekly?: number | null
  ProveEvery?: number | null
}

export interface ModifyEtcdSnapshotRetentionResponse {
  RequestId: string
}

export type OpenEtcdEventStreamRequest = Record<string, never>

export interface OpenEtcdEventStreamResponse {
  Ticket: string
  Path: string
  RequestId: string
}

export interface RecoverEtcdInstanceRequest {
  InstanceId: string
  DryRun?: boolean | null
}

export interface RecoverEtcdInstanceResponse {
  Recoverable: boolean
  Reason: string
  Survivors?: EtcdSurvivor[] | null
  RequestId: string
}

export interface ResizeEtcdInstanceRequest {
  InstanceId: string
  Size: number
}

export interface ResizeEtcdInstanceResponse {
  RequestId: string
}

export interface RestoreEtcdSnapshotRequest {
  InstanceId: string
  SnapshotName: string
  NewInstance?: EtcdRestoreTarget | null
  SkipBackup?: boolean | null
}

export interface RestoreEtcdSnapshotResponse {
  InstanceId: string
  RequestId: string
}

export interface RotateEtcdCredentialsRequest {
  InstanceId: string
  OverlapSeconds?: number | null
  EndOverlap?: boolean | null
}

export interface RotateEtcdCredentialsResponse {
  RequestId: string
}

export interface ShareEtcdSnapshotRequest {
  InstanceId: string
  SnapshotName: string
  AccountIds: string[]
}

export interface ShareEtcdSnapshotResponse {
  RequestId: string
}

export interface UpgradeEtcdInstanceRequest {
  InstanceId: string
  EtcdVersion: string
}

export interface UpgradeEtcdInstanceResponse {
  RequestId: string
}

export interface VerifyEtcdSnapshotRequest {
  InstanceId: string
  SnapshotName: string
}

export interface VerifyEtcdSnapshotResponse {
  RequestId: string
}

export interface Actions {
  CreateEtcdInstance: { request: CreateEtcdInstanceRequest; response: CreateEtcdInstanceResponse }
  CreateEtcdSnapshot: { request: CreateEtcdSnapshotRequest; response: CreateEtcdSnapshotResponse }
  CreateEtcdSnapshotPolicy: { request: CreateEtcdSnapshotPolicyRequest; response: CreateEtcdSnapshotPolicyResponse }
  DeleteEtcdInstance: { request: DeleteEtcdInstanceRequest; response: DeleteEtcdInstanceResponse }
  DeleteEtcdPrometheus: { request: DeleteEtcdPrometheusRequest; response: DeleteEtcdPrometheusResponse }
  DeleteEtcdSnapshot: { request: DeleteEtcdSnapshotRequest; response: DeleteEtcdSnapshotResponse }
  DeleteEtcdSnapshotPolicy: { request: DeleteEtcdSnapshotPolicyRequest; response: DeleteEtcdSnapshotPolicyResponse }
  DescribeEtcdAuditLog: { request: DescribeEtcdAuditLogRequest; response: DescribeEtcdAuditLogResponse }
  DescribeEtcdAvailableVersions: { request: DescribeEtcdAvailableVersionsRequest; response: DescribeEtcdAvailableVersionsResponse }
  DescribeEtcdBackups: { request: DescribeEtcdBackupsRequest; response: DescribeEtcdBackupsResponse }
  DescribeEtcdCreatingProgress: { request: DescribeEtcdCreatingProgressRequest; response: DescribeEtcdCreatingProgressResponse }
  DescribeEtcdCredentials: { request: DescribeEtcdCredentialsRequest; response: DescribeEtcdCredentialsResponse }
  DescribeEtcdEvents: { request: DescribeEtcdEventsRequest; response: DescribeEtcdEventsResponse }
  DescribeEtcdHealth: { request: DescribeEtcdHealthRequest; response: DescribeEtcdHealthResponse }
  DescribeEtcdInstances: { request: DescribeEtcdInstancesRequest; response: DescribeEtcdInstancesResponse }
  DescribeEtcdInternet: { request: DescribeEtcdInternetRequest; response: DescribeEtcdInternetResponse }
  DescribeEtcdKeys: { request: DescribeEtcdKeysRequest; response: DescribeEtcdKeysResponse }
  DescribeEtcdMembers: { request: DescribeEtcdMembersRequest; response: DescribeEtcdMembersResponse }
  DescribeEtcdMetrics: { request: DescribeEtcdMetricsRequest; response: DescribeEtcdMetricsResponse }
  DescribeEtcdPrometheus: { request: DescribeEtcdPrometheusRequest; response: DescribeEtcdPrometheusResponse }
  DescribeEtcdPrometheusAccess: { request: DescribeEtcdPrometheusAccessRequest; response: DescribeEtcdPrometheusAccessResponse }
  DescribeEtcdQuota: { request: DescribeEtcdQuotaRequest; response: DescribeEtcdQuotaResponse }
  DescribeEtcdRegions: { request: DescribeEtcdRegionsRequest; response: DescribeEtcdRegionsResponse }
  DescribeEtcdSnapshotPolicies: { request: DescribeEtcdSnapshotPoliciesRequest; response: DescribeEtcdSnapshotPoliciesResponse }
  DescribeEtcdSnapshots: { request: DescribeEtcdSnapshotsRequest; response: DescribeEtcdSnapshotsResponse }
  DescribeEtcdSubnets: { request: DescribeEtcdSubnetsRequest; response: DescribeEtcdSubnetsResponse }
  DescribeEtcdTaskSteps: { request: DescribeEtcdTaskStepsRequest; response: DescribeEtcdTaskStepsResponse }
  DescribeEtcdTasks: { request: DescribeEtcdTasksRequest; response: DescribeEtcdTasksResponse }
  DescribeRPCMethodList: { request: DescribeRPCMethodListRequest; response: DescribeRPCMethodListResponse }
  DisableEtcdInstanceDeletionProtection: { request: DisableEtcdInstanceDeletionProtectionRequest; response: DisableEtcdInstanceDeletionProtectionResponse }
  DisableEtcdInternet: { request: DisableEtcdInternetRequest; response: DisableEtcdInternetResponse }
  EnableEtcdInstanceDeletionProtection: { request: EnableEtcdInstanceDeletionProtectionRequest; response: EnableEtcdInstanceDeletionProtectionResponse }
  EnableEtcdInternet: { request: EnableEtcdInternetRequest; response: EnableEtcdInternetResponse }
  ModifyEtcdAttribute: { request: ModifyEtcdAttributeRequest; response: ModifyEtcdAttributeResponse }
  ModifyEtcdConfiguration: { request: ModifyEtcdConfigurationRequest; response: ModifyEtcdConfigurationResponse }
  ModifyEtcdSnapshotPolicy: { request: ModifyEtcdSnapshotPolicyRequest; response: ModifyEtcdSnapshotPolicyResponse }
  ModifyEtcdSnapshotRetention: { request: ModifyEtcdSnapshotRetentionRequest; response: ModifyEtcdSnapshotRetentionResponse }
  OpenEtcdEventStream: { request: OpenEtcdEventStreamRequest; response: OpenEtcdEventStreamResponse }
  RecoverEtcdInstance: { request: RecoverEtcdInstanceRequest; response: RecoverEtcdInstanceResponse }
  ResizeEtcdInstance: { request: ResizeEtcdInstanceRequest; response: ResizeEtcdInstanceResponse }
  RestoreEtcdSnapshot: { request: RestoreEtcdSnapshotRequest; response: RestoreEtcdSnapshotResponse }
  RotateEtcdCredentials: { request: RotateEtcdCredentialsRequest; response: RotateEtcdCredentialsResponse }
  ShareEtcdSnapshot: { request: ShareEtcdSnapshotRequest; response: ShareEtcdSnapshotResponse }
  UpgradeEtcdInstance: { request: UpgradeEtcdInstanceRequest; response: UpgradeEtcdInstanceResponse }
  VerifyEtcdSnapshot: { request: VerifyEtcdSnapshotRequest; response: VerifyEtcdSnapshotResponse }
}
