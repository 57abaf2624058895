import t from 'tap'
import { readFileSync } from 'node:fs'
import { programOf } from '../../scripts/package/elf.ts'

const node = readFileSync(process.execPath)

t.test('a program is told by its machine and its loader, and loses only what is not loaded', async t => {
  const { machine, interpreter, bytes } = programOf(node)
  t.equal(machine, process.arch === 'x64' ? 'x86_64' : 'aarch64')
  t.match(interpreter, /^\/lib.*\/ld-linux-[\w-]+\.so\.\d$/)
  t.ok(bytes.length <= node.length)
  t.ok(bytes.subarray(64).equals(node.subarray(64, bytes.length)), 'behind its header it is what it was')
  t.ok(programOf(bytes).bytes.equals(bytes), 'and what was made of it is a program as well')
})

t.test('what is no program, or not whole, is refused', async t => {
  const ofElse = Buffer.from(node.subarray(0, 4096))
  ofElse.writeUInt16LE(0xf3, 0x12)
  t.throws(() => programOf(Buffer.from('#!/bin/sh\n')), /no program for 64-bit Linux/)
  t.throws(() => programOf(Buffer.alloc(0)), /no program for 64-bit Linux/)
  t.throws(() => programOf(ofElse), /no program for 64-bit Linux/)
  t.throws(() => programOf(node.subarray(0, node.length >> 1)), /cut off/)
})
