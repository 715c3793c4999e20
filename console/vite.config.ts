import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // Inlined files would be data: URLs, which the page's policy does not let scripts and styles be.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    // `npm run dev` beside a server that `make up` started: its API and schema, this source.
    proxy: {
      '/schema.json': 'http://127.0.0.1:8379',
      '^/$': {
        target: 'http://127.0.0.1:8379',
        bypass: (request) => (request.method === 'POST' ? undefined : request.url),
      },
    },
  },
  test: {
    include: ['tests/**/*.test.ts'],
    environment: 'node',
  },
})
