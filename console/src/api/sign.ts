// TC3-HMAC-SHA256 in the browser: the same signature that every other client of the API makes.

/** A key pair of the API. */
export interface KeyPair {
  secretId: string
  secretKey: string
}

/** What is signed. */
export interface SignInput extends KeyPair {
  method: 'GET' | 'POST'
  host: string
  /** Raw query of a GET, without the question mark; empty for a POST. */
  query?: string
  contentType: string
  /** The body as it will be sent; empty for a GET. */
  body: string
  action: string
  /** Seconds since 1970. */
  timestamp: number
  /** The credential scope's service. */
  service: string
  /** Signs X-TC-Action too, as the document's own example does. */
  signAction?: boolean
}

/** A signature, and what it was made from: the API explorer shows each step. */
export interface Signature {
  canonicalRequest: string
  stringToSign: string
  signature: string
  authorization: string
}

const ALGORITHM = 'TC3-HMAC-SHA256'
const encoder = new TextEncoder()

/** Whether this page may sign: browsers offer WebCrypto on https and on loopback only. */
export function canSign(): boolean {
  return typeof globalThis.crypto?.subtle?.sign === 'function'
}

/** Signs a request. */
export async function sign(input: SignInput): Promise<Signature> {
  const date = new Date(input.timestamp * 1000).toISOString().slice(0, 10)
  const headers: [string, string][] = [
    ['content-type', input.contentType],
    ['host', input.host],
  ]
  if (input.signAction) headers.push(['x-tc-action', input.action.toLowerCase()])
  const signedHeaders = headers.map(([name]) => name).join(';')
  const canonicalRequest = [
    input.method,
    '/',
    input.query ?? '',
    ...headers.map(([name, value]) => `${name}:${value}`),
    '',
    signedHeaders,
    await sha256(input.body),
  ].join('\n')
  const scope = `${date}/${input.service}/tc3_request`
  const stringToSign = [ALGORITHM, String(input.timestamp), scope, await sha256(canonicalRequest)].join('\n')
  const key = await signingKey(input.secretKey, date, input.service)
  const signature = hex(await hmac(key, stringToSign))
  const authorization = `${ALGORITHM} Credential=${input.secretId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`
  return { canonicalRequest, stringToSign, signature, authorization }
}

let cached: { name: string; key: Promise<CryptoKey> } | undefined

/** The derived key holds for a day; only the last one is kept, and it cannot be read out again. */
function signingKey(secretKey: string, date: string, service: string): Promise<CryptoKey> {
  const name = JSON.stringify([secretKey, date, service])
  if (cached?.name !== name) cached = { name, key: derive(secretKey, date, service) }
  return cached.key
}

/** Forgets the derived key: the user signed out. */
export function forgetKey(): void {
  cached = undefined
}

async function derive(secretKey: string, date: string, service: string): Promise<CryptoKey> {
  const byDate = await hmac(await hmacKey(encoder.encode(`TC3${secretKey}`)), date)
  const byService = await hmac(await hmacKey(byDate), service)
  return hmacKey(await hmac(await hmacKey(byService), 'tc3_request'))
}

function hmacKey(bytes: BufferSource): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
}

function hmac(key: CryptoKey, text: string): Promise<ArrayBuffer> {
  return crypto.subtle.sign('HMAC', key, encoder.encode(text))
}

/** SHA-256 of a text, in lower-case hex. */
export async function sha256(text: string): Promise<string> {
  return hex(await crypto.subtle.digest('SHA-256', encoder.encode(text)))
}

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
