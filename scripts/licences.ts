import type { Metafile } from 'esbuild'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The licences of the libraries in a bundle, each with its version: whoever passes the bundle on passes them on with it.
 *  @param metafiles what esbuild says of what it read
 *  @throws Error when a library came without a licence */
export function licencesOf(home: string, metafiles: readonly Metafile[]): string {
  const inputs = metafiles.flatMap(({ outputs }) => Object.values(outputs).flatMap(output => Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []))))
  const packages = new Set(inputs.flatMap(path => /^(?:.*:)?(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []))
  const each = [...packages].map(path => licenceOf(join(home, path))).sort((a, b) => (a.title < b.title ? -1 : 1))
  const alike = Map.groupBy(each, ({ text }) => text)
  return [...alike].map(([text, those]) => `${those.map(({ title }) => `${title}\n`).join('')}\n${text}\n`).join(`\n${'-'.repeat(80)}\n\n`)
}

function licenceOf(directory: string): { readonly title: string; readonly text: string } {
  const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { name: string; version: string; license?: string }
  const files = readdirSync(directory).filter(file => /^(?:licen[cs]e|notice|copying)/i.test(file)).sort()
  const title = `${name} ${version}${license === undefined ? '' : ` (${license})`}`
  if (files.length === 0 && license === undefined) throw new Error(`${title} came without a licence`)
  return { title, text: files.map(file => readFileSync(join(directory, file), 'utf8').trim()).join('\n\n') || `Licensed as its package says: ${license}.` }
}
