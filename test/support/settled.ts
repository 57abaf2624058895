import { plainTree } from './plain-tree.ts'
import type { Premises } from './repository.ts'

/** Where a machine stands once a boot has settled it, without what is each run's own: of its root and its cloud every path with kind, mode
 *  and content. Git's objects, and its index of a release, are told by what is checked out. */
export function settledState(where: Premises): Record<string, Record<string, string>> {
  const plain = (text: string): string => text.replaceAll(where.dir, '.').replace(RUN_ID, '<run>').replace(DIGEST, 'decisions/<digest>').replace(BOOT_TIME, '<boot time>-')
  const own = (path: string, found: string): string | undefined => {
    if (/\/runs$|\/sunup\/order$|\/objects$|\/FETCH_HEAD$/.test(path)) return undefined
    if (path.endsWith('.index')) return 'an index'
    return plain(path.startsWith('registry/') || path.startsWith('addresses/') ? found.replace(TIMES, '') : found)
  }
  const named = (tree: Record<string, string>): Record<string, string> => Object.fromEntries(Object.entries(tree).map(([path, found]) => [plain(path), found]))
  return { root: named(plainTree(where.root, own)), cloud: named(plainTree(where.cloud, own)) }
}

const RUN_ID = /\d{8}T\d{6}\.\d{3}-[0-9a-f]{4}/g
const DIGEST = /decisions\/[0-9a-f]{16}/g
const BOOT_TIME = /\b\d{13}-(?=[0-9a-f]{8}-)/g
/** Attributes of rows and of addresses that every run writes anew. */
const TIMES = /\n *"(?:seq|leaseUntil|expiresAt|bootedInMs|since)": [^\n]*/g
