import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { BEFORE, pageOf, TOLD } from '../support/report-pages.ts'
import { browser, type Look, type Page } from './browser.ts'

/** Opens the pages of runs of every kind in a headless Chromium: Debian's package chromium. Prints TAP.
 *  With SUNUP_SCREENSHOTS=DIR each is also put there as PNG, and the first on paper, to be looked at. */

t.setTimeout(300_000)

const chromium = browser(t)
const PAGES = Object.fromEntries(Object.entries(TOLD).map(([name, events]) => [name, pageOf(events, name === 'first-boot' ? BEFORE : undefined)]))
const LOOKS: Readonly<Record<string, Look>> = { light: {}, dark: { dark: true }, 'narrow-light': { width: 390 }, 'narrow-dark': { width: 390, dark: true } }

for (const [name, html] of Object.entries(PAGES)) {
  for (const [as, look] of Object.entries(LOOKS)) {
    t.test(`${name}, ${as}: asks for nothing, fits, and can be read`, async t => {
      const page = await chromium.open(html, look)
      await keep(page, `${name}-${as}`)
      t.equal(page.requested.length, 1, 'the page alone', { requested: page.requested })
      t.strictSame(page.complaints, [])
      t.equal(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'), 0, 'nothing sticks out at the side')
      t.strictSame(await page.evaluate(STICKING_OUT), [], 'bars keep to their axis')
      t.strictSame(await page.evaluate(FAINT_TEXT), [], 'text has a contrast of 4.5')
      t.strictSame(await page.evaluate(FAINT_BARS), [], 'bars have one of 3')
    })
  }

  t.test(`${name}: its tables and parts are named to those who do not see them`, async t => {
    const page = await chromium.open(html)
    t.equal(await page.evaluate(`[...document.querySelectorAll('table')].filter(table => !table.caption || !table.querySelector('thead th[scope=col]')).length`), 0)
    t.equal(await page.evaluate(`[...document.querySelectorAll('section')].filter(one => !document.getElementById(one.getAttribute('aria-labelledby'))).length`), 0)
    t.equal(await page.evaluate(`document.querySelectorAll('h1').length`), 1)
    t.strictSame(await page.evaluate(`[...document.querySelectorAll('[id]')].map(one => one.id).filter((id, index, all) => all.indexOf(id) !== index)`), [], 'ids are unique')
  })
}

t.test('light and dark are what the reader asked for', async t => {
  const lightness = async (dark: boolean): Promise<number> => Number(await (await chromium.open(PAGES['first-boot'] ?? '', { dark })).evaluate(`Math.max(...getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number))`))
  t.ok((await lightness(false)) > 230)
  t.ok((await lightness(true)) < 40)
})

t.test('a diff is unfolded with the keyboard, without any script', async t => {
  const page = await chromium.open(PAGES['first-boot'] ?? '')
  const shown = (): Promise<unknown> => page.evaluate(`document.querySelector('.diff').checkVisibility({ contentVisibilityAuto: true }) && document.querySelector('.changes details').open`)
  t.equal(await shown(), false)
  for (let presses = 0; presses < 50 && (await page.evaluate(`document.activeElement.localName === 'summary'`)) !== true; presses++) await page.press('Tab')
  t.match(await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`), 'solid', 'where the keyboard is can be seen')
  await page.press('Enter')
  t.equal(await shown(), true)
})

t.test('on paper the diffs are unfolded, and the ground is white', async t => {
  const page = await chromium.open(PAGES['first-boot'] ?? '', { print: true, dark: true, width: 720 })
  t.ok((await page.evaluate(`Math.min(...[...document.querySelectorAll('.diff')].map(one => one.getBoundingClientRect().height))`)) as number > 10)
  t.equal(await page.evaluate(`getComputedStyle(document.body).backgroundColor`), 'rgb(255, 255, 255)')
  t.strictSame(await page.evaluate(FAINT_TEXT), [])
  await keep(page, 'first-boot-print')
  const pdf = await page.pdf()
  t.equal(pdf.subarray(0, 5).toString(), '%PDF-')
  if (process.env.SUNUP_SCREENSHOTS) writeFileSync(join(process.env.SUNUP_SCREENSHOTS, 'first-boot.pdf'), pdf)
})

t.test('what a run told makes no element, no attribute and no style', async t => {
  const page = await chromium.open(PAGES.evil ?? '')
  t.equal(await page.evaluate(`document.querySelectorAll('script, img, iframe, object, embed, link, form, base, [onload], [onerror]').length`), 0)
  t.equal(await page.evaluate(`document.querySelectorAll('style').length`), 1)
  t.match(await page.evaluate('document.body.textContent'), '<script>alert(1)</script>', 'it is there to be read')
})

t.test('the bar of the gate stands where the gate opened', async t => {
  const page = await chromium.open(PAGES['first-boot'] ?? '')
  const off = await page.evaluate(`(() => {
    const cell = document.querySelector('.turn.opened .bar'), mark = cell.querySelector('b').getBoundingClientRect(), line = parseFloat(getComputedStyle(cell, '::after').left)
    return Math.abs((mark.left + mark.right) / 2 - cell.getBoundingClientRect().left - line)
  })()`)
  t.ok((off as number) < 2.5, `${off}`)
})

async function keep(page: Page, name: string): Promise<void> {
  const directory = process.env.SUNUP_SCREENSHOTS
  if (!directory) return
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, `${name}.png`), await page.screenshot())
}

const STICKING_OUT = `[...document.querySelectorAll('.bar i, .share i, .band i')].filter(bar => {
  const inner = bar.getBoundingClientRect(), outer = bar.parentElement.getBoundingClientRect()
  return inner.width > 0 && (inner.left < outer.left - 1 || inner.right > outer.right + 4)
}).map(bar => bar.outerHTML)`

/** Contrast as WCAG 2 reckons it; grounds are opaque here. */
const CONTRAST = `
  const rgb = text => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return { r, g, b, a } }
  const light = ({ r, g, b }) => [r, g, b].map(c => c / 255).map(c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
  const ground = one => { for (; one; one = one.parentElement) { const found = rgb(getComputedStyle(one).backgroundColor); if (found.a > 0) return found } return { r: 255, g: 255, b: 255 } }
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05) }`

const FAINT_TEXT = `(() => {${CONTRAST}
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), faint = new Set()
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement
    if (walker.currentNode.data.trim() === '' || !one.checkVisibility()) continue
    const ratio = contrast(rgb(getComputedStyle(one).color), ground(one))
    if (ratio < 4.5) faint.add(one.outerHTML.slice(0, 80) + ' ' + ratio.toFixed(2))
  }
  return [...faint]
})()`

const FAINT_BARS = `(() => {${CONTRAST}
  const bars = [...document.querySelectorAll('.bar i:not(.beside, .cut), .share i, .legend i, .bar b')]
  return [...new Set(bars.map(bar => [bar.className, contrast(rgb(getComputedStyle(bar).backgroundColor), ground(bar.parentElement))]).filter(([, ratio]) => ratio < 3).map(String))]
})()`
