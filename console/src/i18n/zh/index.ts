// 简体中文，按主题分文件。每个文件的键与 en 中的同名文件完全一致，缺一个都不能通过编译。

import type { Table } from '..'
import { api } from './api'
import { common } from './common'
import { configuration } from './configuration'
import { instance } from './instance'
import { instances } from './instances'
import { keys } from './keys'
import { snapshots } from './snapshots'
import { words } from './words'

export const zh: Table = {
  ...common,
  ...instances,
  ...instance,
  ...configuration,
  ...snapshots,
  ...keys,
  ...api,
  ...words,
}
