import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ApiError } from './api/client'
import { announce } from './i18n'
import { createConsoleRouter } from './router'
import { currentSession, subscribe } from './session'
import './styles/index.css'
import { applyTheme } from './theme'

applyTheme()
announce()

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What the API refused it would refuse again; where nobody answered, the next look is soon enough.
      retry: (failures, error) =>
        error instanceof ApiError ? error.code === 'RequestLimitExceeded' && failures < 3 : failures < 1,
      retryDelay: 1000,
      refetchOnWindowFocus: true,
    },
  },
})
const router = createConsoleRouter()

// What one user saw is not shown to the next.
let known = currentSession()?.secretId
subscribe(() => {
  const now = currentSession()?.secretId
  if (now === known) return
  known = now
  queries.removeQueries({ predicate: (query) => query.queryKey[0] !== 'schema' })
  void router.invalidate()
})

// A server that was replaced has other files: load the page anew, once.
window.addEventListener('vite:preloadError', (event) => {
  const last = Number(sessionStorage.getItem('cetcd.reloaded') ?? 0)
  if (Date.now() - last < 10_000) return
  event.preventDefault()
  sessionStorage.setItem('cetcd.reloaded', String(Date.now()))
  location.reload()
})

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
)
