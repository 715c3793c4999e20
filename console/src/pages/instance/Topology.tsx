// Members by zone: what would be lost if a zone were, who leads, and who is behind.

import { useRead } from '../../api/queries'
import { useHasAction } from '../../api/schema'
import type { Etcd, EtcdMember, EtcdMemberState } from '../../api/types'
import { useT } from '../../i18n'
import { Status } from '../../ui/Status'
import { bytes } from '../snapshots/backups'
import { byZone, quorum, role } from './quorum'

/** Milliseconds between two looks at what members say of themselves. */
const EVERY = 3000

export function Topology({ instance }: { instance: Etcd }) {
  const t = useT()
  const told = useHasAction('DescribeEtcdMembers')
  const { data } = useRead(
    'DescribeEtcdMembers',
    { InstanceId: instance.InstanceId },
    { enabled: told && (instance.Members?.length ?? 0) > 0, interval: EVERY },
  )
  const members = instance.Members ?? []
  if (members.length === 0) return <p className="quiet">{t('topology.none')}</p>
  const states = new Map((data?.Members ?? []).map((state) => [state.Name, state]))
  const voters = members.filter((member) => role(member, states.get(member.Name)) !== 'Learner').length
  const running = members.filter((member) => member.Status === 'Running').length
  return (
    <>
      <p className="quiet">
        {t('topology.quorum', { voters, quorum: quorum(voters), running, spare: Math.max(0, running - quorum(voters)) })}
      </p>
      <div className="zones">
        {byZone(members).map(([zone, inZone]) => (
          <section key={zone} className="zone" aria-label={zone}>
            <h3>{zone || t('topology.noZone')}</h3>
            <ul>
              {inZone.map((member) => (
                <Member key={member.Name} member={member} state={states.get(member.Name)} />
              ))}
            </ul>
          </section>
        ))}
      </div>
    </>
  )
}

function Member({ member, state }: { member: EtcdMember; state: EtcdMemberState | undefined }) {
  const t = useT()
  const is = role(member, state)
  const lag = state?.Lag ?? undefined
  return (
    <li className="member" data-member={member.Name} data-status={member.Status} data-role={is}>
      <div className="mono small">{member.Name}</div>
      <div className="inline">
        <Status of="member" value={member.Status} />
        <span className={is === 'Leader' ? 'pill pill-leader' : 'pill'}>{t.word('role', is)}</span>
      </div>
      <div className="quiet small">
        {member.Version}
        {state?.RaftIndex !== undefined && state.RaftIndex !== null && (
          <>
            {' · '}
            {lag ? t('topology.behind', { lag }) : t('topology.inStep')}
            {' · '}
            {bytes(state.DatabaseSize)}
          </>
        )}
      </div>
    </li>
  )
}
