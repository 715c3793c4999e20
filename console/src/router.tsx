// Every view has an address. The views behind the list are loaded when they are first opened.

import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import type { ListSearch } from './pages/match'
import { RANGES } from './pages/instance/ranges'
import { InstancesPage } from './pages/InstancesPage'
import { SignInPage } from './pages/SignInPage'
import { currentSession } from './session'
import { Broken, NotFound } from './ui/Broken'
import { Shell } from './ui/Shell'
import { Waiting } from './ui/States'

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound })

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  component: SignInPage,
  validateSearch: (search): { next?: string } => {
    // Only addresses of this page: `//elsewhere` is another site.
    const next = search['next']
    return typeof next === 'string' && /^\/(?![/\\])/.test(next) ? { next } : {}
  },
})

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  beforeLoad: ({ location }) => {
    if (!currentSession()) throw redirect({ to: '/sign-in', search: location.pathname === '/' ? {} : { next: location.href } })
  },
})

const home = createRoute({
  getParentRoute: () => shell,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/instances' })
  },
})

const instances = createRoute({
  getParentRoute: () => shell,
  path: '/instances',
  component: InstancesPage,
  validateSearch: (search): ListSearch => {
    const text = (name: string) => (typeof search[name] === 'string' && search[name] ? { [name]: search[name] } : {})
    return { ...text('q'), ...text('status'), ...text('vpc') }
  },
})

const create = createRoute({
  getParentRoute: () => shell,
  path: '/instances/new',
  component: lazyRouteComponent(() => import('./pages/create/CreatePage'), 'CreatePage'),
})

const instance = createRoute({
  getParentRoute: () => shell,
  path: '/instances/$id',
  component: lazyRouteComponent(() => import('./pages/instance/InstancePage'), 'InstancePage'),
})

const overview = createRoute({
  getParentRoute: () => instance,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/instance/Overview'), 'Overview'),
})

const metrics = createRoute({
  getParentRoute: () => instance,
  path: 'metrics',
  component: lazyRouteComponent(() => import('./pages/instance/Metrics'), 'Metrics'),
  validateSearch: (search): { range?: string } => {
    const range = RANGES.find(({ name }) => name === search['range'])?.name
    return range ? { range } : {}
  },
})

const configuration = createRoute({
  getParentRoute: () => instance,
  path: 'configuration',
  component: lazyRouteComponent(() => import('./pages/instance/Configuration'), 'Configuration'),
})

const access = createRoute({
  getParentRoute: () => instance,
  path: 'access',
  component: lazyRouteComponent(() => import('./pages/instance/Access'), 'Access'),
})

const keys = createRoute({
  getParentRoute: () => instance,
  path: 'keys',
  component: lazyRouteComponent(() => import('./pages/instance/Keys'), 'Keys'),
  validateSearch: (search): { prefix?: string; key?: string } => {
    const text = (name: string) => (typeof search[name] === 'string' && search[name] ? { [name]: search[name] } : {})
    return { ...text('prefix'), ...text('key') }
  },
})

const events = createRoute({
  getParentRoute: () => instance,
  path: 'events',
  component: lazyRouteComponent(() => import('./pages/instance/Events'), 'Events'),
  validateSearch: (search): { level?: string } =>
    typeof search['level'] === 'string' && search['level'] ? { level: search['level'] } : {},
})

const snapshots = createRoute({
  getParentRoute: () => instance,
  path: 'snapshots',
  component: lazyRouteComponent(() => import('./pages/instance/Snapshots'), 'Snapshots'),
})

const instanceTasks = createRoute({
  getParentRoute: () => instance,
  path: 'tasks',
  component: lazyRouteComponent(() => import('./pages/instance/InstanceTasks'), 'InstanceTasks'),
})

const tasks = createRoute({
  getParentRoute: () => shell,
  path: '/tasks',
  component: lazyRouteComponent(() => import('./pages/TasksPage'), 'TasksPage'),
})

const audit = createRoute({
  getParentRoute: () => shell,
  path: '/audit',
  component: lazyRouteComponent(() => import('./pages/AuditPage'), 'AuditPage'),
  validateSearch: (search): { instance?: string } =>
    typeof search['instance'] === 'string' && search['instance'] ? { instance: search['instance'] } : {},
})

const explorer = createRoute({
  getParentRoute: () => shell,
  path: '/explorer',
  component: lazyRouteComponent(() => import('./pages/explorer/ExplorerPage'), 'ExplorerPage'),
})

const explorerAction = createRoute({
  getParentRoute: () => shell,
  path: '/explorer/$action',
  component: lazyRouteComponent(() => import('./pages/explorer/ExplorerPage'), 'ExplorerPage'),
})

const tree = root.addChildren([
  signIn,
  shell.addChildren([
    home,
    instances,
    create,
    instance.addChildren([overview, metrics, configuration, access, keys, snapshots, instanceTasks, events]),
    tasks,
    audit,
    explorer,
    explorerAction,
  ]),
])

export function createConsoleRouter() {
  return createRouter({
    routeTree: tree,
    defaultPreload: 'intent',
    defaultPendingComponent: Waiting,
    defaultErrorComponent: Broken,
    scrollRestoration: true,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>
  }
}
