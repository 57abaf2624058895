/** A `listen` on port 80 of every address of a family: among these nginx chooses by name, and else takes the default server. */
interface Listen {
  readonly family: 4 | 6
  readonly isDefault: boolean
  /** An IPv6 socket that takes IPv4 as well. */
  readonly isDual: boolean
}

/** What a configuration does with port 80. */
export interface PortEighty {
  /** It declares the default server of a family. */
  readonly claims: ReadonlySet<4 | 6>
  readonly listensOn6: boolean
  readonly isDual: boolean
}

/** Reads the `listen` directives of a configuration. Source: nginx's ngx_http_core_module, listen. */
export function portEighty(text: string): PortEighty {
  const bare = text.replace(/(^|[\s;{}])#.*$/gm, '$1')
  const listens = [...bare.matchAll(/(?:^|[\s;{}])listen\s+([^;{}]+);/g)].flatMap(match => listenOf((match[1] as string).trim().split(/\s+/)))
  return {
    claims: new Set(listens.filter(one => one.isDefault).flatMap(one => (one.isDual ? [4, 6] as const : [one.family]))),
    listensOn6: listens.some(one => one.family === 6),
    isDual: listens.some(one => one.isDual),
  }
}

/** What a default server besides these has to listen on, so that there is one for every address they answer at. */
export function listensLeft(all: readonly PortEighty[]): readonly string[] {
  const claimed = (family: 4 | 6): boolean => all.some(one => one.claims.has(family))
  const isDual = all.some(one => one.isDual)
  const on6 = all.some(one => one.listensOn6)
  // IPv6 only where a site wants it: a host may have none, and nginx then does not start.
  return [...(claimed(4) || isDual ? [] : ['80']), ...(on6 && !claimed(6) ? ['[::]:80'] : [])]
}

function listenOf([address = '', ...parameters]: readonly string[]): readonly Listen[] {
  const family = /^(?:(?:\*|0\.0\.0\.0)(?::80)?|80)$/.test(address) ? 4 : /^\[::\](?::80)?$/.test(address) ? 6 : undefined
  if (family === undefined) return []
  const isDefault = parameters.includes('default_server') || parameters.includes('default')
  return [{ family, isDefault, isDual: family === 6 && parameters.includes('ipv6only=off') }]
}
