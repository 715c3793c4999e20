// Where instances can be. Older servers do not tell: then the IDs are typed.

import { useHasAction } from './schema'
import { useRead } from './queries'
import type { EtcdSubnet } from './types'

export function useSubnets(): EtcdSubnet[] {
  const told = useHasAction('DescribeEtcdSubnets')
  return useRead('DescribeEtcdSubnets', {}, { enabled: told, staleTime: 300_000 }).data?.Subnets ?? []
}
