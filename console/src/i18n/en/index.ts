// English, a file for each topic. The Chinese files have the same keys: their types are made from these.

import { api } from './api'
import { common } from './common'
import { configuration } from './configuration'
import { instance } from './instance'
import { instances } from './instances'
import { keys } from './keys'
import { snapshots } from './snapshots'
import { words } from './words'

export const en = {
  ...common,
  ...instances,
  ...instance,
  ...configuration,
  ...snapshots,
  ...keys,
  ...api,
  ...words,
}
