// Server-sent events from a fetched body: EventSource cannot send the header that the stream's ticket is shown in.

export interface Message {
  event: string
  data: string
  id: string
}

/** Takes text as it comes and hands over each message once it is whole. */
export function parser(take: (message: Message) => void): (text: string) => void {
  let rest = ''
  let event = ''
  let data: string[] = []
  let id = ''
  const line = (text: string) => {
    if (text === '') {
      if (data.length > 0) take({ event: event || 'message', data: data.join('\n'), id })
      event = ''
      data = []
      return
    }
    const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(text) ?? []
    // What begins with a colon is a heartbeat: its name is empty.
    if (name === 'event') event = value
    else if (name === 'data') data.push(value)
    else if (name === 'id') id = value
  }
  return (text) => {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    for (const each of lines) line(each)
  }
}
