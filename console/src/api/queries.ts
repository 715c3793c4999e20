// What the pages read, and how often. Nothing is asked while the tab is hidden.

import { keepPreviousData, useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query'
import { useSession } from '../session'
import { call, callNamed, type ActionName, type RequestOf, type ResponseOf } from './client'
import { paced } from './live'
import type { Etcd, EtcdTaskInfo, TaskStepInfo } from './types'

/** The longest page that DescribeEtcdInstances answers with. */
const PAGE = 50
/** Milliseconds between two looks while something is changing, while all is quiet, and where the list is long. */
export const LIVELY = 1500
export const CALM = 5000
const SLOW = 15_000

/** What changes with records only, so that the stream of events says when. */
const PACED: string[] = ['DescribeEtcdHealth', 'DescribeEtcdCredentials']

interface Options {
  enabled?: boolean
  interval?: number | false
  staleTime?: number
}

/** A reading action, asked again every `interval` milliseconds. */
export function useRead<A extends ActionName>(
  action: A,
  request: RequestOf<A>,
  { enabled = true, interval = false, staleTime = 0 }: Options = {},
): UseQueryResult<ResponseOf<A>> {
  const session = useSession()
  return useQuery({
    queryKey: [session?.region, action, request],
    queryFn: ({ signal }) => call(action, request, signal),
    enabled: enabled && session !== undefined,
    refetchInterval: () => (interval && PACED.includes(action) ? paced(interval) : interval),
    staleTime,
  })
}

/** Instances that are on their way to another state. */
export function isChanging(status: string): boolean {
  return !['running', 'abnormal', 'isolated'].includes(status)
}

async function everyInstance(signal: AbortSignal): Promise<Etcd[]> {
  const found: Etcd[] = []
  for (;;) {
    const page = await call('DescribeEtcdInstances', { Offset: found.length, Limit: PAGE }, signal)
    found.push(...(page.Etcds ?? []))
    if (!page.Etcds?.length || found.length >= page.TotalCount) return found
  }
}

/** Every instance of the region. */
export function useInstances(): UseQueryResult<Etcd[]> {
  const session = useSession()
  return useQuery({
    queryKey: [session?.region, 'instances'],
    queryFn: ({ signal }) => everyInstance(signal),
    enabled: session !== undefined,
    placeholderData: keepPreviousData,
    refetchInterval: (query) => {
      const instances = query.state.data ?? []
      if (instances.length > 2 * PAGE) return SLOW
      return paced(instances.some((instance) => isChanging(instance.Status)) ? LIVELY : CALM)
    },
  })
}

/** One instance; `null` where there is none. */
export function useInstance(id: string): UseQueryResult<Etcd | null> {
  const session = useSession()
  return useQuery({
    queryKey: [session?.region, 'instance', id],
    queryFn: async ({ signal }) => {
      const answer = await call('DescribeEtcdInstances', { InstanceIds: [id] }, signal)
      return answer.Etcds?.[0] ?? null
    },
    enabled: session !== undefined,
    refetchInterval: (query) => {
      const instance = query.state.data
      if (instance === null) return false
      const unwell = instance?.Members?.some((member) => member.Status !== 'Running')
      return paced(instance && (isChanging(instance.Status) || unwell) ? LIVELY : 3000)
    },
  })
}

export function useHealth(id: string) {
  return useRead('DescribeEtcdHealth', { InstanceId: id }, { interval: 3000 })
}

/** Tasks of one instance, or of all. */
export function useTasks(id?: string): UseQueryResult<EtcdTaskInfo[]> {
  const session = useSession()
  return useQuery({
    queryKey: [session?.region, 'tasks', id ?? ''],
    queryFn: async ({ signal }) => {
      const filters = id ? { Filters: [{ Name: 'resourceId', Values: [id] }] } : {}
      return (await call('DescribeEtcdTasks', filters, signal)).Tasks ?? []
    },
    enabled: session !== undefined,
    refetchInterval: (query) =>
      paced(query.state.data?.some((task) => task.LifeState === 'process') ? LIVELY : CALM),
  })
}

/** The steps of a creation, asked until they have ended. */
export function useCreation(id: string, enabled: boolean): UseQueryResult<TaskStepInfo[]> {
  const session = useSession()
  return useQuery({
    queryKey: [session?.region, 'creation', id],
    queryFn: async ({ signal }) => (await call('DescribeEtcdCreatingProgress', { InstanceId: id }, signal)).Steps ?? [],
    enabled: enabled && session !== undefined,
    refetchInterval: (query) =>
      query.state.data?.every((step) => step.LifeState === 'success' || step.LifeState === 'failed') ? false : paced(500),
  })
}

/** The steps of a task, asked until they have ended. */
export function useTaskSteps(task: string, enabled: boolean): UseQueryResult<TaskStepInfo[]> {
  const session = useSession()
  return useQuery({
    queryKey: [session?.region, 'steps', task],
    queryFn: async ({ signal }) => (await call('DescribeEtcdTaskSteps', { TaskID: task }, signal)).Steps ?? [],
    enabled: enabled && session !== undefined,
    refetchInterval: (query) =>
      query.state.data?.every((step) => step.LifeState === 'success' || step.LifeState === 'failed') ? false : paced(1000),
  })
}

/** Sends changes, and has everything on the page looked at again. */
export function useChange() {
  const queries = useQueryClient()
  return async (action: string, request: unknown): Promise<Record<string, unknown>> => {
    const answer = await callNamed(action, request)
    await queries.invalidateQueries()
    return answer
  }
}
