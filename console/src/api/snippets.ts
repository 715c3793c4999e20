// Code to paste. For a cluster: clients of etcd. For the API: the official clients, pointed at this server.

import type { SignedRequest } from './client'

export interface Snippet {
  name: string
  language: 'sh' | 'go' | 'python' | 'java' | 'rust' | 'javascript'
  code: string
}

/** Names of the files that the page offers for download, the same as `cetcd credentials --write`. */
export const FILES = { ca: 'ca.crt', cert: 'client.crt', key: 'client.key' } as const

/** How programs reach a cluster. `tls` false: the cluster speaks plain http. */
export function clusterSnippets(endpoint: string, tls: boolean): Snippet[] {
  return [
    { name: 'etcdctl', language: 'sh', code: etcdctl(endpoint, tls) },
    { name: 'Go', language: 'go', code: go(endpoint, tls) },
    { name: 'Python', language: 'python', code: python(endpoint, tls) },
    { name: 'Java', language: 'java', code: java(endpoint, tls) },
    { name: 'Rust', language: 'rust', code: rust(endpoint, tls) },
  ]
}

function etcdctl(endpoint: string, tls: boolean): string {
  const files = tls ? ` \\\n  --cacert ${FILES.ca} --cert ${FILES.cert} --key ${FILES.key}` : ''
  return `etcdctl --endpoints ${endpoint}${files} \\\n  put hello world\n`
}

function go(endpoint: string, tls: boolean): string {
  const imports = tls
    ? '\t"go.etcd.io/etcd/client/pkg/v3/transport"\n\tclientv3 "go.etcd.io/etcd/client/v3"\n'
    : '\tclientv3 "go.etcd.io/etcd/client/v3"\n'
  const config = tls
    ? `	files := transport.TLSInfo{CertFile: "${FILES.cert}", KeyFile: "${FILES.key}", TrustedCAFile: "${FILES.ca}"}
	tls, err := files.ClientConfig()
	if err != nil {
		panic(err)
	}
`
    : ''
  return `package main

import (
	"context"
	"fmt"
	"time"

${imports})

func main() {
${config}	client, err := clientv3.New(clientv3.Config{
		Endpoints:   []string{"${endpoint}"},
		DialTimeout: 5 * time.Second,
${tls ? '\t\tTLS:         tls,\n' : ''}	})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := client.Put(ctx, "hello", "world"); err != nil {
		panic(err)
	}
	answer, err := client.Get(ctx, "hello")
	if err != nil {
		panic(err)
	}
	fmt.Println(string(answer.Kvs[0].Value))
}
`
}

/** By etcd's own HTTP gateway: of the Python clients, the one that is kept up. */
function python(endpoint: string, tls: boolean): string {
  const url = new URL(endpoint)
  const files = tls ? `,\n    ca_cert="${FILES.ca}", cert_cert="${FILES.cert}", cert_key="${FILES.key}"` : ''
  return `# pip install etcd3gw
from etcd3gw.client import Etcd3Client

client = Etcd3Client(
    host="${host(url)}", port=${port(url)}, protocol="${url.protocol.replace(':', '')}"${files},
)
client.put("hello", "world")
print(client.get("hello")[0].decode())
`
}

function java(endpoint: string, tls: boolean): string {
  const context = tls
    ? `
            .sslContext(GrpcSslContexts.forClient()
                .trustManager(new File("${FILES.ca}"))
                .keyManager(new File("${FILES.cert}"), new File("${FILES.key}"))
                .build())`
    : ''
  const imports = tls ? 'import io.grpc.netty.GrpcSslContexts;\nimport java.io.File;\n' : ''
  return `// io.etcd:jetcd-core${tls ? ', io.grpc:grpc-netty' : ''}
import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
${imports}import static java.nio.charset.StandardCharsets.UTF_8;

public class Hello {
    public static void main(String[] arguments) throws Exception {
        try (Client client = Client.builder().endpoints("${endpoint}")${context}
            .build()) {
            var key = ByteSequence.from("hello", UTF_8);
            client.getKVClient().put(key, ByteSequence.from("world", UTF_8)).get();
            var answer = client.getKVClient().get(key).get();
            System.out.println(answer.getKvs().get(0).getValue().toString(UTF_8));
        }
    }
}
`
}

function rust(endpoint: string, tls: boolean): string {
  const uses = tls ? 'Certificate, Client, ConnectOptions, Identity, TlsOptions' : 'Client'
  const options = tls
    ? `    let tls = TlsOptions::new()
        .ca_certificate(Certificate::from_pem(std::fs::read("${FILES.ca}")?))
        .identity(Identity::from_pem(std::fs::read("${FILES.cert}")?, std::fs::read("${FILES.key}")?));
    let options = ConnectOptions::new().with_tls(tls);
`
    : ''
  return `// etcd-client${tls ? ' (feature "tls")' : ''}, tokio (features "macros", "rt-multi-thread")
use etcd_client::{${uses}};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
${options}    let mut client = Client::connect(["${endpoint}"], ${tls ? 'Some(options)' : 'None'}).await?;
    client.put("hello", "world", None).await?;
    let answer = client.get("hello", None).await?;
    println!("{}", answer.kvs()[0].value_str()?);
    Ok(())
}
`
}

function host(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

function port(url: URL): string {
  return url.port || (url.protocol === 'https:' ? '443' : '80')
}

/** An API call by the official clients and by hand. Secrets stay variables. */
export interface ApiCall {
  action: string
  request: Record<string, unknown>
  region: string
  /** `http://127.0.0.1:8379`. */
  origin: string
  /** Not of the published document: clients that have lists of their own do not know it. */
  extension: boolean
}

export function apiSnippets(call: ApiCall, signed?: SignedRequest): Snippet[] {
  const url = new URL(call.origin)
  const scheme = url.protocol.replace(':', '')
  const json = JSON.stringify(call.request)
  const tccli: Snippet = {
    name: 'tccli',
    language: 'sh',
    code: `printf '%s' ${quote(json)} >request.json\ntccli cetcd ${call.action} --endpoint ${call.origin} --region ${call.region} \\\n  --cli-input-json file://request.json\n`,
  }
  const snippets: Snippet[] = [
    { name: 'cetcd', language: 'sh', code: `cetcd api call ${call.action} --json ${quote(json)}\n` },
    ...(call.extension ? [] : [tccli]),
    {
      name: 'Python',
      language: 'python',
      code: `# pip install tencentcloud-sdk-python-common
import json
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import EnvironmentVariableCredential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

client = CommonClient(
    "cetcd", "2022-03-25",
    EnvironmentVariableCredential().get_credential(), ${JSON.stringify(call.region)},
    ClientProfile(httpProfile=HttpProfile(protocol="${scheme}", endpoint="${url.host}")),
)
print(client.call_json("${call.action}", json.loads(${pythonText(json)})))
`,
    },
    {
      name: 'Node.js',
      language: 'javascript',
      code: `// npm install tencentcloud-sdk-nodejs
const { CommonClient } = require('tencentcloud-sdk-nodejs/tencentcloud/common/common_client')

const client = new CommonClient('${url.host}', '2022-03-25', {
  credential: { secretId: process.env.TENCENTCLOUD_SECRET_ID, secretKey: process.env.TENCENTCLOUD_SECRET_KEY },
  region: ${JSON.stringify(call.region)},
  profile: { httpProfile: { protocol: '${scheme}://' } },
})
client.request('${call.action}', ${json}).then(console.log)
`,
    },
  ]
  if (signed) snippets.push({ name: 'curl', language: 'sh', code: curl(signed) })
  return snippets
}

/** The very request that was signed; it holds for five minutes. */
function curl(signed: SignedRequest): string {
  const headers = Object.entries(signed.headers).map(([name, value]) => `  -H ${quote(`${name}: ${value}`)} \\\n`)
  return `curl -sS ${signed.url} \\\n${headers.join('')}  --data-raw ${quote(signed.body)}\n`
}

/** One word of a POSIX shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function pythonText(json: string): string {
  // A JSON string is a Python string too, as long as it has no lone surrogates, which JSON.stringify escapes.
  return JSON.stringify(json)
}
