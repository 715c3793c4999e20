// Members by zone: what would be lost if a zone were.

import type { Etcd } from '../../api/types.gen'
import { useT } from '../../i18n'
import { Status } from '../../ui/Status'
import { byZone, quorum, role } from './quorum'

export function Topology({ instance }: { instance: Etcd }) {
  const t = useT()
  const members = instance.Members ?? []
  if (members.length === 0) return <p className="quiet">{t('topology.none')}</p>
  const voters = members.filter((member) => role(member) !== 'Learner').length
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
                <li key={member.Name} className="member" data-member={member.Name} data-status={member.Status}>
                  <div className="mono small">{member.Name}</div>
                  <div className="inline">
                    <Status of="member" value={member.Status} />
                    <span className="quiet small">
                      {t.word('role', role(member))} · {member.Version}
                    </span>
                  </div>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </>
  )
}
