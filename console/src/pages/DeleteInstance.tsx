import { useChange } from '../api/queries'
import type { Etcd } from '../api/types'
import { useT } from '../i18n'
import { Confirm } from '../ui/Confirm'
import { Alert } from '../ui/Notice'

interface Props {
  instance: Etcd
  onClose: () => void
  onDeleted?: () => void
}

/** Deletes an instance; one that is protected is said to be, before anything is typed. */
export function DeleteInstance({ instance, onClose, onDeleted }: Props) {
  const t = useT()
  const change = useChange()
  const id = instance.InstanceId
  if (instance.DeletionProtection) {
    return (
      <Confirm
        title={t('delete.title', { name: instance.Name })}
        action={t('delete.unprotect')}
        onClose={onClose}
        onConfirm={() => change('DisableEtcdInstanceDeletionProtection', { InstanceId: id })}
      >
        <Alert theme="warning" message={t('delete.protected')} />
      </Confirm>
    )
  }
  return (
    <Confirm
      title={t('delete.title', { name: instance.Name })}
      name={instance.Name}
      action={t('delete.confirm')}
      danger
      onClose={onClose}
      onConfirm={async () => {
        await change('DeleteEtcdInstance', { InstanceId: id })
        onDeleted?.()
      }}
    >
      <Alert theme="warning" message={t('delete.lost', { id, members: instance.Members?.length ?? 0 })} />
    </Confirm>
  )
}
