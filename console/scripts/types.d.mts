export function generate(schema: object): Record<'structures.gen.ts' | 'actions.gen.ts', string>
export function missing(known: string, served: string): string[]
