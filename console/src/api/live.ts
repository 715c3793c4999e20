// What the server tells as it happens: one stream for the whole page. While it is open, records are asked for when
// they have changed, and by the clock only now and then, in case something was missed.

import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { currentSession, useSession } from '../session'
import { callNamed } from './client'
import { useHasAction } from './schema'
import { parser, type Message } from './sse'

/** Milliseconds between two looks at a record while the stream says when it changes. */
const SELDOM = 30_000
/** Milliseconds in which changes are gathered before what is shown is asked for again. */
const GATHER = 150
/** A stream that has said nothing for so long is dead. The server speaks every 15 seconds. */
const SILENCE = 45_000
const SHORTEST_WAIT = 1000
const LONGEST_WAIT = 30_000

let open = false

/** How long until a record is looked at again: `interval`, or far longer while its changes are told. */
export function paced(interval: number): number {
  return open ? Math.max(interval, SELDOM) : interval
}

/** Whether a query is about an instance, or about all of them. */
export function concerns(key: readonly unknown[], instance: string): boolean {
  const [, what, about] = key
  if (what === 'instances' || (what === 'tasks' && about === '') || what === 'steps') return true
  if (about === instance) return true
  return typeof about === 'object' && about !== null && (about as { InstanceId?: unknown }).InstanceId === instance
}

/** What changes all the time, or when somebody writes to the cluster, is asked for by the clock alone. */
const BY_CLOCK = ['DescribeEtcdMetrics', 'DescribeEtcdMembers', 'DescribeEtcdKeys', 'keys', 'audit']

class Refresher {
  private instances = new Set<string>()
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly queries: QueryClient) {}

  add(instance: string): void {
    this.instances.add(instance)
    this.timer ??= setTimeout(() => {
      const changed = [...this.instances]
      this.instances.clear()
      this.timer = undefined
      void this.queries.invalidateQueries({
        predicate: ({ queryKey }) =>
          !BY_CLOCK.includes(String(queryKey[1])) && changed.some((id) => concerns(queryKey, id)),
      })
    }, GATHER)
  }

  everything(): void {
    void this.queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'schema' })
  }
}

/** Follows what happens in the region for as long as the caller is shown. */
export function useLive(): void {
  const queries = useQueryClient()
  const session = useSession()
  const told = useHasAction('OpenEtcdEventStream')
  const who = session && `${session.secretId} ${session.region}`
  useEffect(() => {
    if (!told || !who) return
    const stop = new AbortController()
    void follow(new Refresher(queries), stop.signal)
    return () => stop.abort()
  }, [queries, told, who])
}

async function follow(refresher: Refresher, stop: AbortSignal): Promise<void> {
  let wait = SHORTEST_WAIT
  let first = true
  while (!stop.aborted && currentSession()) {
    try {
      await stream(stop, (message) => {
        if (message.event === 'hello') {
          open = true
          wait = SHORTEST_WAIT
          // What happened while nobody followed.
          if (!first) refresher.everything()
          first = false
        } else if (message.event === 'reset') refresher.everything()
        else {
          const { InstanceId } = JSON.parse(message.data) as { InstanceId?: string }
          if (InstanceId) refresher.add(InstanceId)
        }
      })
    } catch {
      // Tried again below; the pages' own questions say what is wrong.
    }
    // Until it is open again, the clock decides; and whether the server is there at all is asked now.
    if (open) refresher.everything()
    open = false
    await rest(wait, stop)
    wait = Math.min(2 * wait, LONGEST_WAIT)
  }
}

async function stream(stop: AbortSignal, take: (message: Message) => void): Promise<void> {
  const { Ticket, Path } = (await callNamed('OpenEtcdEventStream', {}, stop)) as { Ticket: string; Path: string }
  const silent = new AbortController()
  let timer = setTimeout(() => silent.abort(), SILENCE)
  try {
    const answer = await fetch(Path, {
      headers: { 'X-Cetcd-Ticket': Ticket, Accept: 'text/event-stream' },
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.any([stop, silent.signal]),
    })
    if (!answer.ok || !answer.body) throw new Error(`${Path}: ${answer.status}`)
    const feed = parser(take)
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      clearTimeout(timer)
      timer = setTimeout(() => silent.abort(), SILENCE)
      feed(value)
    }
  } finally {
    clearTimeout(timer)
  }
}

function rest(milliseconds: number, stop: AbortSignal): Promise<void> {
  return new Promise((over) => {
    if (stop.aborted) return over()
    const timer = setTimeout(over, milliseconds)
    stop.addEventListener('abort', () => {
      clearTimeout(timer)
      over()
    }, { once: true })
  })
}
