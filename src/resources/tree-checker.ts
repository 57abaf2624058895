import { Failure } from '../core/failure.ts'
import type { ApplyContext, ResourceId } from '../core/resource.ts'
import { isSecret } from '../core/secret.ts'
import type { TreeFiles } from './tree-files.ts'
import { saidInView, viewedCommand, type TreeView } from './tree-view.ts'

/** A command that exits with 0 when it can take up the tree, and says why not otherwise. It changes nothing. */
export interface Checker {
  /** `{path}` in it is the tree's path; a checker that can be told the path is also run where there is no private mount namespace. */
  readonly argv: readonly string[]
  readonly scratch: readonly string[]
}

export interface Suspect extends Omit<TreeView, 'scratch'> {
  readonly id: ResourceId
  readonly files: TreeFiles
}

/** Runs the checker on the staged tree as it will be live. Where that can't be had it says so and lets the tree pass; so it does in a
 *  staging root whose host has no such command.
 *  @throws Failure `file.refused` with the checker's words, and the place in the tree's own terms; `absent.command` */
export async function checkStaged(suspect: Suspect, { argv, scratch }: Checker, context: ApplyContext): Promise<void> {
  const { machine } = context
  const told = argv.join(' ').replaceAll('{path}', suspect.path)
  const skip = (why: string): void => context.output('stderr', `not checked with ${told}: ${why}`)
  const answer = await ask(suspect, { argv, scratch }, context)
  if ('impossible' in answer) return skip(answer.impossible)
  if ('absent' in answer) {
    if (machine.staging) return skip(`there is no command ${answer.absent} here`)
    throw new Failure('absent.command', `${suspect.id} can't be checked: there is no command ${answer.absent}`, {
      subject: answer.absent,
      hint: 'Put the package that brings it before this in the run list.',
    })
  }
  const said = withoutSecrets(answer.said.trim().split('\n'), suspect)
  if (answer.code === 0) {
    for (const line of said) if (line !== '') context.output('stderr', line)
    return
  }
  const place = placeIn(answer.said, suspect)
  throw new Failure('file.refused', `${suspect.id}: ${told} refuses it${place === undefined ? ` (exit code ${answer.code})` : ` at ${place}`}`, {
    output: said.slice(-LINES_SHOWN).join('\n'),
    hint: `Nothing live has changed.${answer.alone ? ' It was checked without root and without a network: what needs either (a key file, the name of a host) fails here.' : ''}`,
  })
}

const LINES_SHOWN = 20

type Answer = { readonly impossible: string } | { readonly absent: string } | { readonly code: number; readonly said: string; readonly alone: boolean }

async function ask(suspect: Suspect, { argv, scratch }: Checker, { machine, signal }: ApplyContext): Promise<Answer> {
  const options = { signal, env: machine.staging ? { SUNUP_ROOT: machine.root } : {} }
  const pathless = !argv.some(word => word.includes('{path}'))
  const named = (path: string): readonly string[] => argv.map(word => word.replaceAll('{path}', path))
  const viewed = viewedCommand(machine, { ...suspect, scratch }, named(suspect.path))
  let why = 'a tree in / has no directory to show it in'
  if (viewed) {
    const { code, stdout, stderr } = await machine.probe(viewed, options).catch(noNamespaces)
    const said = saidInView(stdout, stderr)
    if (said !== undefined) return code === 127 ? { absent: argv[0] as string } : { code, said, alone: !machine.privileged }
    why = `no private view of ${suspect.path} can be made here (${stderr.trim().split('\n').at(-1)})`
  }
  if (pathless) return { impossible: why }
  const staged = machine.hostPath(suspect.staged)
  try {
    const { code, stdout, stderr } = await machine.probe(named(staged), options)
    return { code, said: `${stdout}${stderr}`.replaceAll(staged, suspect.path), alone: false }
  } catch (error) {
    if (error instanceof Failure && error.code === 'absent.command') return { absent: argv[0] as string }
    throw error
  }
}

function noNamespaces(error: unknown): { code: number; stdout: string; stderr: string } {
  if (error instanceof Failure && error.code === 'absent.command') return { code: 1, stdout: '', stderr: error.message }
  throw error
}

/** The first file of the tree that is named with a line, as the user knows it: `/etc/nginx/sunup/sites/app.conf:3 (from app.conf): bogus on;`. */
function placeIn(said: string, { path, files }: Suspect): string | undefined {
  for (const line of said.split('\n')) {
    const found = namedIn(line, path, files)
    if (found?.line === undefined) continue
    const file = files.get(found.file)
    const text = file && !isSecret(file.content) ? file.content.split('\n')[found.line - 1]?.trim() : undefined
    return `${path}/${found.file}:${found.line}${file?.origin === undefined ? '' : ` (from ${file.origin})`}${text ? `: ${text}` : ''}`
  }
  return undefined
}

/** A checker quotes what it does not understand, and the tree may hold secrets: then only lines about its other files are shown. */
function withoutSecrets(lines: readonly string[], { path, files }: Suspect): readonly string[] {
  if (![...files.values()].some(file => isSecret(file.content))) return lines
  return lines.map(line => {
    const found = namedIn(line, path, files)
    if (found === undefined) return line === '' ? line : '(not shown: the tree holds a secret)'
    return isSecret(files.get(found.file)?.content) ? `${path}/${found.file}${found.line === undefined ? '' : `:${found.line}`} (not shown: it holds a secret)` : line
  })
}

/** Checkers write `in FILE:3`, `[FILE:3]`, `FILE: line 3`. */
function namedIn(text: string, path: string, files: TreeFiles): { readonly file: string; readonly line: number | undefined } | undefined {
  let best: string | undefined
  for (const file of files.keys()) if (text.includes(`${path}/${file}`) && file.length > (best?.length ?? -1)) best = file
  if (best === undefined) return undefined
  const rest = text.slice(text.indexOf(`${path}/${best}`) + path.length + 1 + best.length)
  const line = /^:(\d+)/.exec(rest) ?? /\bline (\d+)/.exec(rest)
  return { file: best, line: line ? Number(line[1]) : undefined }
}
