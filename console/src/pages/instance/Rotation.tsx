// Other certificates: what was handed out before is worth nothing once the overlap is over.

import { useState } from 'react'
import { useChange } from '../../api/queries'
import { useT } from '../../i18n'
import { Confirm } from '../../ui/Confirm'
import { Field } from '../../ui/Field'
import { Input } from '../../ui/Input'
import { Alert } from '../../ui/Notice'
import { Button } from '../../ui/td'
import { given, numberOf } from '../../ui/useForm'
import { useShownInstance } from './context'

export function Rotation() {
  const t = useT()
  const instance = useShownInstance()
  const [asking, setAsking] = useState<'rotate' | 'end'>()
  const change = useChange()
  const [overlap, setOverlap] = useState('')
  const id = instance.InstanceId
  const close = () => setAsking(undefined)
  return (
    <section className="card form-card" aria-labelledby="rotation">
      <div>
        <h2 id="rotation">{t('rotation.title')}</h2>
        <p className="quiet">{t('rotation.hint')}</p>
      </div>
      <div className="inline">
        <Button variant="outline" theme="danger" onClick={() => setAsking('rotate')}>
          {t('rotation.action')}
        </Button>
        <Button variant="text" onClick={() => setAsking('end')}>
          {t('rotation.end')}
        </Button>
      </div>
      {asking === 'rotate' && (
        <Confirm
          title={t('rotation.confirm', { name: instance.Name })}
          name={instance.Name}
          action={t('rotation.action')}
          danger
          onClose={close}
          onConfirm={() =>
            change('RotateEtcdCredentials', { InstanceId: id, ...given({ OverlapSeconds: numberOf(overlap) }) })
          }
        >
          <Alert theme="warning" message={t('rotation.lost')} />
          <Field label={t('rotation.overlap')} hint={t('rotation.overlapHint')}>
            {(control) => <Input {...control} value={overlap} onChange={setOverlap} inputMode="numeric" />}
          </Field>
        </Confirm>
      )}
      {asking === 'end' && (
        <Confirm
          title={t('rotation.end')}
          name={instance.Name}
          action={t('rotation.end')}
          danger
          onClose={close}
          onConfirm={() => change('RotateEtcdCredentials', { InstanceId: id, EndOverlap: true })}
        >
          <Alert theme="warning" message={t('rotation.endLost')} />
        </Confirm>
      )}
    </section>
  )
}
