// What is used of TDesign, each component by itself, so that the rest is not shipped.

import 'tdesign-react/es/style/index.css'

export { Button } from './Button'
export { Checkbox } from 'tdesign-react/es/checkbox'
export { Loading } from 'tdesign-react/es/loading'
