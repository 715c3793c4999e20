import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { sign } from '../src/api/sign'

interface Vector {
  name: string
  secret_id?: string
  secret_key: string
  method: 'GET' | 'POST'
  query?: string
  content_type: string
  host: string
  action?: string
  timestamp: number
  service: string
  signed_headers: string
  payload: string
  canonical_sha256?: string
  signature: string
}

// The very vectors that the server's own verification is tested with.
const file = new URL('../../crates/signature/tests/signature-vectors.json', import.meta.url)
const vectors = (JSON.parse(readFileSync(file, 'utf8')) as Vector[]).filter((vector) => vector.name.includes('v3'))

describe("the document's vectors", () => {
  test('are there', () => expect(vectors.map((vector) => vector.name)).toEqual(['doc v3 POST', 'doc v3 GET']))

  test.each(vectors)('$name gets its signature', async (vector) => {
    const signed = await sign({
      secretId: vector.secret_id ?? 'AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE',
      secretKey: vector.secret_key,
      method: vector.method,
      host: vector.host,
      query: vector.query ?? '',
      contentType: vector.content_type,
      body: vector.payload,
      action: vector.action ?? '',
      timestamp: vector.timestamp,
      service: vector.service,
      signAction: vector.signed_headers.includes('x-tc-action'),
    })
    expect(signed.signature).toBe(vector.signature)
    if (vector.canonical_sha256) expect(signed.stringToSign.split('\n')[3]).toBe(vector.canonical_sha256)
    expect(signed.authorization).toContain(`SignedHeaders=${vector.signed_headers}, Signature=${vector.signature}`)
  })
})

test('the body is signed as UTF-8', async () => {
  const request = {
    secretId: 'AKID',
    secretKey: 'key',
    method: 'POST' as const,
    host: '127.0.0.1:8379',
    contentType: 'application/json',
    action: 'CreateEtcdInstance',
    timestamp: 1_700_000_000,
    service: 'cetcd',
  }
  const one = await sign({ ...request, body: '{"Name":"订单"}' })
  const other = await sign({ ...request, body: '{"Name":"订票"}' })
  expect(one.signature).not.toBe(other.signature)
  // sha256 of the UTF-8 bytes, computed elsewhere.
  expect(one.canonicalRequest.split('\n').at(-1)).toBe('b266c67e66859541e620f2da0fb7c135fed07c609dbfedf989f62b1f08f0b8eb')
})

test('another key on the same day signs otherwise', async () => {
  const request = {
    secretId: 'AKID',
    method: 'POST' as const,
    host: 'h',
    contentType: 'application/json',
    body: '{}',
    action: 'A',
    timestamp: 1_700_000_000,
    service: 'cetcd',
  }
  const one = await sign({ ...request, secretKey: 'one' })
  const two = await sign({ ...request, secretKey: 'two' })
  const again = await sign({ ...request, secretKey: 'one' })
  expect(two.signature).not.toBe(one.signature)
  expect(again.signature).toBe(one.signature)
})
