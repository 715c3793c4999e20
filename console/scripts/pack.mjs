// Packs what Vite built for the binary: node scripts/pack.mjs DIST ASSETS SOURCES_HASH
// Each file is kept in two codings, the smallest that each can be, so that building the binary compresses nothing.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, extname, join, relative, sep } from 'node:path'
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync, gzipSync } from 'node:zlib'

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const [dist, assets, hash] = process.argv.slice(2)
if (!dist || !assets || !hash) throw new Error('node scripts/pack.mjs DIST ASSETS SOURCES_HASH')

const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(dist, join(entry.parentPath, entry.name)).split(sep).join('/'))
  .sort()

const rows = []
const sizes = {}
const written = new Set(['files.rs', 'sources.sha256'])
for (const name of files) {
  const type = TYPES[extname(name)]
  if (!type) throw new Error(`${name}: no content type for it`)
  const plain = readFileSync(join(dist, name))
  const brotli = brotliCompressSync(plain, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length },
  })
  const gzip = gzipSync(plain, { level: 9 })
  if (!brotliDecompressSync(brotli).equals(plain) || !gunzipSync(gzip).equals(plain)) throw new Error(`${name}: damaged`)
  const place = join(assets, name)
  mkdirSync(dirname(place), { recursive: true })
  writeFileSync(`${place}.br`, brotli)
  writeFileSync(`${place}.gz`, gzip)
  written.add(`${name}.br`).add(`${name}.gz`)
  sizes[name] = brotli.length
  rows.push(`    File {
        path: "/${name}",
        content_type: "${type}",
        brotli: include_bytes!("${name}.br"),
        gzip: include_bytes!("${name}.gz"),
    },
`)
}
writeFileSync(
  join(assets, 'files.rs'),
  `// Written by \`make console\`: the files of the console. Do not edit.

use super::File;

pub(super) static FILES: &[File] = &[
${rows.join('')}];
`,
)
writeFileSync(join(assets, 'sources.sha256'), `${hash}\n`)
for (const entry of readdirSync(assets, { recursive: true, withFileTypes: true })) {
  const place = join(entry.parentPath, entry.name)
  if (entry.isFile() && !written.has(relative(assets, place).split(sep).join('/'))) rmSync(place)
}

// What a first visit loads: the page, and what it names itself.
const page = readFileSync(join(dist, 'index.html'), 'utf8')
const first = files.filter((name) => name === 'index.html' || page.includes(`/${name}`))
const total = (names) => (names.reduce((sum, name) => sum + sizes[name], 0) / 1024).toFixed(0)
console.log(`${files.length} files, ${total(files)} KiB by brotli; a first visit loads ${total(first)} KiB`)
