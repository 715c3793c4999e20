import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { apiSnippets, clusterSnippets, quote } from '../src/api/snippets'

const endpoint = 'https://127.1.2.3:2379'

describe('code for a cluster', () => {
  test('is there for five clients, each with the endpoint and the files', () => {
    const snippets = clusterSnippets(endpoint, true)
    expect(snippets.map((snippet) => snippet.name)).toEqual(['etcdctl', 'Go', 'Python', 'Java', 'Rust'])
    for (const { name, code } of snippets) {
      for (const file of ['ca.crt', 'client.crt', 'client.key']) expect(code, name).toContain(file)
      expect(code, name).toContain('127.1.2.3')
      expect(code, name).not.toMatch(/undefined|null\b/)
    }
  })

  test('names no certificate where there is none', () => {
    for (const { name, code } of clusterSnippets('http://127.1.2.3:2379', false))
      expect(code, name).not.toMatch(/\.crt|\.key"|TLSInfo|sslContext/)
  })

  test('takes IPv6 addresses apart', () => {
    const python = clusterSnippets('https://[2001:db8::1]:2379', true).find((snippet) => snippet.name === 'Python')!
    expect(python.code).toContain('host="2001:db8::1", port=2379, protocol="https"')
  })
})

describe('code for the API', () => {
  const call = {
    action: 'DescribeEtcdInstances',
    request: { InstanceIds: ["it's"] },
    region: 'ap-guangzhou',
    origin: 'http://127.0.0.1:8379',
    extension: false,
  }
  const named = (name: string, change = {}) => apiSnippets({ ...call, ...change }).find((snippet) => snippet.name === name)

  test('a shell reads back the JSON that went in', () => {
    const words = execFileSync('sh', ['-c', `printf '%s' ${quote(JSON.stringify(call.request))}`], { encoding: 'utf8' })
    expect(JSON.parse(words)).toEqual(call.request)
  })

  test('tccli knows the published actions alone', () => {
    expect(named('tccli')!.code).toContain('--endpoint http://127.0.0.1:8379')
    expect(named('tccli', { extension: true })).toBeUndefined()
  })

  test('no secret is in it', () => {
    for (const { name, code } of apiSnippets(call)) expect(code, name).not.toMatch(/AKID|secretKey: '/)
  })

  test('JavaScript parses', () => {
    expect(() => new Function('require', named('Node.js')!.code)).not.toThrow()
  })
})
