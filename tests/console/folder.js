// The console from a folder, in front of a server: what the binary would serve of its own files comes from
// console/dist, everything else from the server. A change of the page is tested without building the server anew:
//   node tests/console/folder.js FOLDER HOST:PORT  prints the address to visit.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const zlib = require('node:zlib');

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };

/** Serves `folder` in front of the server at `behind`; resolves to the listening http.Server. */
function serve(folder, behind, port = 0) {
  const [hostname, number] = behind.split(':');
  const pass = (request, response) => {
    const options = { hostname, port: number, method: request.method, path: request.url, headers: request.headers };
    const onward = http.request(options, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  };
  const server = http.createServer((request, response) => {
    const file = path.join(folder, path.normalize(new URL(request.url, 'http://x').pathname));
    const own = request.method === 'GET' && !request.headers.authorization;
    if (own && TYPES[path.extname(file)] && fs.existsSync(file)) {
      response.writeHead(200, { 'content-type': TYPES[path.extname(file)], 'content-encoding': 'gzip' });
      return response.end(zlib.gzipSync(fs.readFileSync(file)));
    }
    if (!own || !(request.headers.accept ?? '').includes('text/html')) return pass(request, response);
    // A view: the page, under the policy that the server gives it.
    http.get({ hostname, port: number, path: '/', headers: { accept: 'text/html' } }, (answer) => {
      answer.resume();
      const { 'content-security-policy': policy } = answer.headers;
      response.writeHead(200, { 'content-type': TYPES['.html'], 'content-security-policy': policy });
      response.end(fs.readFileSync(path.join(folder, 'index.html')));
    }).on('error', () => response.destroy());
  });
  return new Promise((listening) => server.listen(port, '127.0.0.1', () => listening(server)));
}

if (require.main === module) {
  const [folder, behind, port] = process.argv.slice(2);
  serve(folder, behind, Number(port ?? 0)).then((server) => console.log(`http://127.0.0.1:${server.address().port}`));
}

module.exports = { serve };
