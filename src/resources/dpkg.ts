import type { Installed } from './package-manager.ts'

/** Asks the text of /var/lib/dpkg/status for packages, without reading all of it: a package is found by its line.
 *  A name may carry an architecture ('libc6:i386'); one that only another package provides is that one. undefined: not installed, be it
 *  that its configuration files are still there. Source: deb822(5), dpkg(1). */
export function dpkgStatus(status: string): (name: string) => Installed | undefined {
  const text = `\n${status}`
  return name => byName(text, name) ?? byProvides(text, name)
}

function byName(text: string, name: string): Installed | undefined {
  const [bare, architecture] = name.split(':')
  const line = `\nPackage: ${bare}\n`
  let found: Installed | undefined
  for (let at = text.indexOf(line); at !== -1; at = text.indexOf(line, at + 1)) {
    const paragraph = paragraphAt(text, at + 1)
    if (architecture !== undefined && architecture !== 'any' && field(paragraph, 'Architecture') !== architecture) continue
    const one = installed(paragraph)
    // Of several architectures one that is whole will do.
    if (one && (found === undefined || one.status === 'installed')) found = one
  }
  return found
}

function byProvides(text: string, name: string): Installed | undefined {
  const word = ` ${name}`
  for (let at = text.indexOf('\nProvides:'); at !== -1; at = text.indexOf('\nProvides:', at + 1)) {
    const line = text.slice(at + 10, text.indexOf('\n', at + 1))
    if (!line.includes(word)) continue
    if (!line.split(',').some(part => part.trim().split(/[\s(]/)[0] === name)) continue
    const one = installed(paragraphAt(text, text.lastIndexOf('\n\n', at) + 2))
    if (one?.status === 'installed') return one
  }
  return undefined
}

function installed(paragraph: string): Installed | undefined {
  const status = field(paragraph, 'Status')?.split(' ')[2]
  const version = field(paragraph, 'Version')
  return status === undefined || version === undefined || status === 'config-files' || status === 'not-installed' ? undefined : { version, status }
}

function paragraphAt(text: string, at: number): string {
  const end = text.indexOf('\n\n', at)
  return text.slice(at, end === -1 ? undefined : end)
}

function field(paragraph: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1]
}
