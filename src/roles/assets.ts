import { readdirSync, statSync } from 'node:fs'
import { join, normalize, relative } from 'node:path'
import { Failure, messageOf } from '../core/failure.ts'
import { didYouMean } from '../core/nearest.ts'
import type { Asset } from '../core/recipe.ts'
import { lineOfNoText, readRegular, WRITTEN_BYTES } from '../core/regular-file.ts'
import type { LoadedRecipe } from './recipes.ts'

/** Finds the files that recipes ask for: in the recipe's own folder, its templates/, and the source's templates/. Each text is read once. */
export type Assets = (recipe: LoadedRecipe) => (name: string) => Asset

export function assets(source: string): Assets {
  const texts = new Map<string, string>()

  function text(path: string): string {
    const known = texts.get(path)
    if (known !== undefined) return known
    const bytes = read(path)
    const line = lineOfNoText(bytes)
    if (line !== undefined) {
      const name = path.startsWith(`${source}/`) ? relative(source, path) : path
      throw new Failure('template.invalid', `${name}:${line}: bytes that are no UTF-8 text`, { hint: 'Save the file as UTF-8. What is no text is fetched, with remoteFile or archive.' })
    }
    const text = bytes.toString('utf8')
    texts.set(path, text)
    return text
  }

  return recipe => {
    const folders = [recipe.directory, recipe.directory && join(recipe.directory, 'templates'), join(source, 'templates')].filter(folder => folder !== undefined)
    return name => {
      if (typeof name !== 'string' || !staysInside(name)) {
        throw new Failure('template.missing', `${JSON.stringify(name)} is no name of a file in ${shown(folders.slice(-2), source)}`, { hint: 'Name it relative to that folder, without leaving it.' })
      }
      for (const folder of folders) {
        const path = join(folder, name)
        if (statSync(path, { throwIfNoEntry: false })?.isFile()) return { name, path, text: () => text(path) }
      }
      throw new Failure('template.missing', `there is no file ${JSON.stringify(name)} in ${shown(folders.slice(-2), source)}`, { hint: didYouMean(name, folders.flatMap(filesIn)) })
    }
  }
}

function read(path: string): Buffer {
  try {
    return readRegular(path, WRITTEN_BYTES)
  } catch (error) {
    throw new Failure('template.missing', `the file ${path} can't be read: ${messageOf(error)}`, { cause: error })
  }
}

function staysInside(name: string): boolean {
  const path = normalize(name)
  return name !== '' && !name.includes('\0') && !path.startsWith('/') && path !== '.' && path !== '..' && !path.startsWith('../')
}

function shown(folders: readonly string[], source: string): string {
  return folders.map(folder => (folder.startsWith(`${source}/`) ? relative(source, folder) : folder)).join(' or ')
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && !/^recipe\.[jt]s$/.test(entry.name))
      .map(entry => relative(folder, join(entry.parentPath, entry.name)))
  } catch {
    return []
  }
}
