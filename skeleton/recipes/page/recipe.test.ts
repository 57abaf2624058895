// `sunup test` runs this: a recipe is a function, params in, resources out.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import page from './recipe.ts'

/** What the recipe makes of these params. Of the input it gets what it reads. */
function made(params: object): readonly { readonly id: string; readonly props: { readonly content?: string } }[] {
  const asset = (name: string) => ({ name, path: name, text: () => readFileSync(new URL(name, import.meta.url), 'utf8') })
  return page.resources({ params: page.params!.parse(params), asset } as never)
}

test('the page is written where the web server looks', () => {
  assert.deepEqual(made({ title: 'Hello', directory: '/srv/hello' }).map(({ id }) => id), ['template[/srv/hello/index.html]'])
})

test('the title stands on the page', () => {
  assert.match(made({ title: 'Hello' })[0]?.props.content ?? '', /<h1>Hello<\/h1>/)
})

test('a page without a title is refused', () => {
  assert.throws(() => made({ title: '' }))
})
