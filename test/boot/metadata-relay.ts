import { passing } from './passing.ts'

/** Listens at ADDRESS, port 80, for what lies behind a socket FILE: to be started in a namespace that has that address. Says `ready`. */

const [address, file] = process.argv.slice(2) as [string, string]
passing({ path: file }).listen(80, address, () => process.stdout.write('ready\n'))
