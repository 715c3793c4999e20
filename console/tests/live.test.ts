import { describe, expect, test } from 'vitest'
import { concerns } from '../src/api/live'
import { parser, type Message } from '../src/api/sse'

describe('a stream of events', () => {
  const read = (...parts: string[]) => {
    const found: Message[] = []
    const feed = parser((message) => found.push(message))
    for (const part of parts) feed(part)
    return found
  }
  test('is read however it is cut', () => {
    const text = 'event: event\nid: 7\ndata: {"a":1}\n\n: heartbeat\n\nevent: change\ndata: {}\n\n'
    const whole = read(text)
    expect(whole).toEqual([
      { event: 'event', data: '{"a":1}', id: '7' },
      { event: 'change', data: '{}', id: '7' },
    ])
    expect(read(...text)).toEqual(whole)
  })
  test('knows lines that end otherwise, data of several lines, and what is not over yet', () => {
    expect(read('data: a\r\ndata: b\r\n\r\ndata: c\n')).toEqual([{ event: 'message', data: 'a\nb', id: '' }])
  })
})

test('a change of an instance is of interest to what shows it, and to what shows all', () => {
  const of = (...key: unknown[]) => concerns(['ap-guangzhou', ...key], 'etcd-a')
  for (const key of [['instances'], ['instance', 'etcd-a'], ['tasks', ''], ['tasks', 'etcd-a'], ['events', 'etcd-a', ''],
    ['DescribeEtcdHealth', { InstanceId: 'etcd-a' }]]) expect(of(...key), String(key)).toBe(true)
  for (const key of [['instance', 'etcd-b'], ['tasks', 'etcd-b'], ['DescribeEtcdHealth', { InstanceId: 'etcd-b' }],
    ['DescribeEtcdQuota', {}]]) expect(of(...key), String(key)).toBe(false)
})
