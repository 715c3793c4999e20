// Going on without a quorum: what would be lost is told by the server before anything is typed.

import { useState } from 'react'
import { useChange, useRead } from '../../api/queries'
import { useT } from '../../i18n'
import { Confirm } from '../../ui/Confirm'
import { Alert } from '../../ui/Notice'
import { Failure, Waiting } from '../../ui/States'
import { Button } from '../../ui/td'
import { Time } from '../../ui/Time'
import { useShownInstance } from './context'

export function Recover({ id }: { id: string }) {
  const t = useT()
  const [asking, setAsking] = useState(false)
  return (
    <div className="recover">
      <p className="small">{t('recover.hint')}</p>
      <Button theme="danger" variant="outline" size="small" onClick={() => setAsking(true)}>
        {t('recover.action')}
      </Button>
      {asking && <Dialog id={id} onClose={() => setAsking(false)} />}
    </div>
  )
}

function Dialog({ id, onClose }: { id: string; onClose: () => void }) {
  const t = useT()
  const { Name: name } = useShownInstance()
  const change = useChange()
  const told = useRead('RecoverEtcdInstance', { InstanceId: id, DryRun: true }, { interval: 3000 })
  const survivors = told.data?.Survivors ?? []
  return (
    <Confirm
      title={t('recover.title', { name })}
      name={name}
      action={t('recover.action')}
      danger
      disabled={told.data?.Recoverable !== true}
      onClose={onClose}
      onConfirm={() => change('RecoverEtcdInstance', { InstanceId: id })}
    >
      <Alert theme="warning" message={t('recover.lost')} />
      {told.isPending && <Waiting />}
      {told.error && !told.data && <Failure error={told.error} />}
      {told.data && <p>{told.data.Reason}</p>}
      {survivors.length > 0 && (
        <table className="table cards">
          <thead>
            <tr>
              <th scope="col">{t('recover.member')}</th>
              <th scope="col">{t('column.revision')}</th>
              <th scope="col">{t('recover.complete')}</th>
            </tr>
          </thead>
          <tbody>
            {survivors.map((survivor) => (
              <tr key={survivor.Member}>
                <th scope="row" className="mono small">
                  {survivor.Member}
                  {survivor.Chosen && <div>{t('recover.chosen')}</div>}
                </th>
                <td data-label={t('column.revision')}>{survivor.Revision}</td>
                <td data-label={t('recover.complete')}>
                  <Time at={survivor.CompleteUntil} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Confirm>
  )
}
