// tally.ts LOGS EXPECTED-SKIPS FAILED-SUITES: adds up the suites' test points; a skip whose reason is not expected fails.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [logs, expectedFile, failedSuites] = process.argv.slice(2) as [string, string, string]
const expected = readFileSync(expectedFile, 'utf8').split('\n').filter(line => line !== '' && !line.startsWith('#'))
const total = { pass: 0, fail: 0, skip: 0 }
let failed = Number(failedSuites)

for (const name of readdirSync(logs).filter(file => file.endsWith('.tap'))) {
  const text = readFileSync(join(logs, name), 'utf8')
  const lines = text.split('\n')
  // A suite that runs others' TAP sums it up itself.
  const sum = /^# .*?(\d+) passed, (\d+) failed, (\d+) skipped/m.exec(text)
  // A point that holds others is no point of its own.
  const points = lines.filter((line, i) => /^\s*(?:not )?ok \d+/.test(line) && !/^\s+1\.\.\d+|\{$/.test(lines[i - 1] ?? ''))
  const skips = points.filter(line => /# SKIP/i.test(line))
  const fails = points.filter(line => /^\s*not ok/.test(line) && !/# (?:SKIP|TODO)/i.test(line))
  for (const line of new Set(skips.map(skip => skip.replace(/.*# SKIP ?/i, '').trim()))) {
    const known = expected.some(reason => line.includes(reason))
    console.log(`${known ? 'expected' : 'UNEXPECTED'} skip in ${name}: ${line || '(without a reason)'}`)
    if (!known) failed++
  }
  if (sum) {
    total.pass += Number(sum[1])
    total.fail += Number(sum[2])
    total.skip += Number(sum[3])
    continue
  }
  if (points.length === 0) {
    console.log(`${name} ran no test`)
    failed++
  }
  total.pass += points.length - skips.length - fails.length
  total.fail += fails.length
  total.skip += skips.length
}

// A suite that failed without a failing point of its own counts as one.
const failures = Math.max(total.fail, failed)
console.log(`${total.pass} passed, ${failures} failed${total.skip > 0 ? `, ${total.skip} skipped` : ''}`)
process.exitCode = failures > 0 ? 1 : 0
