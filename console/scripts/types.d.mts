export function generate(schema: object): string
export function missing(known: string, served: string): string[]
