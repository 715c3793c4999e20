// One call of the API: signed here, answered by the server that served this page.

import { language } from '../i18n'
import { currentSession, signOut } from '../session'
import { sign, type Signature } from './sign'
import type { Actions } from './types'

export const SERVICE = 'cetcd'
export const VERSION = '2022-03-25'
const CONTENT_TYPE = 'application/json'

export type ActionName = keyof Actions
export type RequestOf<A extends ActionName> = Actions[A]['request']
export type ResponseOf<A extends ActionName> = Actions[A]['response']

/** The API's answer was an error. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly requestId: string,
  ) {
    super(message)
    this.name = 'ApiError'
  }

  /** The key pair is not known, not enabled or not right: only signing in anew helps. */
  get isSignedOut(): boolean {
    return ['AuthFailure.SecretIdNotFound', 'AuthFailure.SignatureFailure', 'AuthFailure.InvalidSecretId'].includes(
      this.code,
    )
  }

  /** This server does not carry the action out (yet). */
  get isUnsupported(): boolean {
    return this.code === 'UnsupportedOperation' || this.code === 'InvalidAction'
  }

  get isGone(): boolean {
    return this.code.startsWith('ResourceNotFound')
  }
}

/** No answer came: the server is away, or something between is. */
export class NetworkError extends Error {
  constructor(cause: unknown) {
    super('no answer', { cause })
    this.name = 'NetworkError'
  }
}

/** Who asks, and where. */
export interface Caller {
  secretId: string
  secretKey: string
  region: string
}

/** A request as it goes out. */
export interface SignedRequest {
  url: string
  headers: Record<string, string>
  body: string
  signature: Signature
}

/** Seconds that the server's clock is ahead of ours, known once it refused a signature for its time. */
let clockOffset = 0

/** Signs a call without sending it. */
export async function prepare(caller: Caller, action: string, request: unknown): Promise<SignedRequest> {
  const body = JSON.stringify(request)
  const timestamp = Math.floor(Date.now() / 1000) + clockOffset
  const signature = await sign({
    ...caller,
    method: 'POST',
    host: location.host,
    contentType: CONTENT_TYPE,
    body,
    action,
    timestamp,
    service: SERVICE,
  })
  const headers = {
    'Content-Type': CONTENT_TYPE,
    'X-TC-Action': action,
    'X-TC-Version': VERSION,
    'X-TC-Region': caller.region,
    'X-TC-Timestamp': String(timestamp),
    'X-TC-Language': language() === 'zh' ? 'zh-CN' : 'en-US',
    Authorization: signature.authorization,
  }
  return { url: `${location.origin}/`, headers, body, signature }
}

/** Calls an action as `caller`. */
export async function callAs(
  caller: Caller,
  action: string,
  request: unknown,
  signal?: AbortSignal,
): Promise<Record<string, unknown>> {
  const first = await send(caller, action, request, signal)
  const late = first.error?.code === 'AuthFailure.SignatureExpire' && first.date !== undefined
  if (!late) return result(first)
  clockOffset = Math.round((first.date! - Date.now()) / 1000)
  return result(await send(caller, action, request, signal))
}

/** Calls an action of the page's own types as who is signed in. */
export async function call<A extends ActionName>(
  action: A,
  request: RequestOf<A>,
  signal?: AbortSignal,
): Promise<ResponseOf<A>> {
  return (await callNamed(action, request, signal)) as unknown as ResponseOf<A>
}

/** Calls any action of the server's schema: it may be newer than this page. */
export async function callNamed(
  action: string,
  request: unknown,
  signal?: AbortSignal,
): Promise<Record<string, unknown>> {
  const session = currentSession()
  if (!session) throw new ApiError('AuthFailure.SecretIdNotFound', 'not signed in', '')
  try {
    return await callAs(session, action, request, signal)
  } catch (error) {
    if (error instanceof ApiError && error.isSignedOut) signOut('refused')
    throw error
  }
}

interface Answer {
  response: Record<string, unknown>
  error?: ApiError
  /** The server's clock, milliseconds since 1970. */
  date?: number
}

async function send(caller: Caller, action: string, request: unknown, signal?: AbortSignal): Promise<Answer> {
  const prepared = await prepare(caller, action, request)
  let answer: Response
  let envelope: { Response?: Record<string, unknown> }
  try {
    answer = await fetch('/', {
      method: 'POST',
      headers: prepared.headers,
      body: prepared.body,
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
      ...(signal ? { signal } : {}),
    })
    envelope = (await answer.json()) as typeof envelope
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new NetworkError(cause)
  }
  const response = envelope.Response ?? {}
  const refused = response['Error'] as { Code: string; Message: string } | undefined
  const date = Date.parse(answer.headers.get('date') ?? '')
  return {
    response,
    ...(refused ? { error: new ApiError(refused.Code, refused.Message, String(response['RequestId'] ?? '')) } : {}),
    ...(Number.isNaN(date) ? {} : { date }),
  }
}

function result(answer: Answer): Record<string, unknown> {
  if (answer.error) throw answer.error
  return answer.response
}
