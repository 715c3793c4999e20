// What members are to their cluster.

import type { EtcdMember, EtcdMemberState } from '../../api/types'

/** More than half of the voters. */
export function quorum(voters: number): number {
  return Math.floor(voters / 2) + 1
}

export function byZone(members: EtcdMember[]): [string, EtcdMember[]][] {
  const zones = new Map<string, EtcdMember[]>()
  for (const member of members) zones.set(member.Zone, [...(zones.get(member.Zone) ?? []), member])
  return [...zones].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** What a member is to the cluster: as it says itself, else as far as its status tells. */
export function role(member: EtcdMember, state?: EtcdMemberState): string {
  if (state?.Role) return state.Role
  return member.Status === 'Learner' ? 'Learner' : 'Voter'
}
