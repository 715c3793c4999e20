// The instance that the views below an instance's address are about.

import { createContext, useContext } from 'react'
import type { Etcd } from '../../api/types'

export const InstanceContext = createContext<Etcd | undefined>(undefined)

export function useShownInstance(): Etcd {
  const instance = useContext(InstanceContext)
  if (!instance) throw new Error('outside an instance page')
  return instance
}
