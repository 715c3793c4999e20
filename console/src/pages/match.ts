// What the list shows of all that there is.

import type { Etcd } from '../api/types'

/** What the list is narrowed to, kept in its address. */
export interface ListSearch {
  q?: string
  status?: string
  vpc?: string
}

export function matches(instance: Etcd, { q, status, vpc }: ListSearch): boolean {
  const words = q?.trim().toLowerCase() ?? ''
  return (
    (!status || instance.Status === status) &&
    (!vpc || instance.VpcId === vpc) &&
    (!words ||
      [instance.InstanceId, instance.Name, instance.Description, instance.Endpoint, instance.Version].some((text) =>
        text?.toLowerCase().includes(words),
      ))
  )
}
