import type { Reporter } from './reporter.ts'

export interface JsonOptions {
  write(text: string): void
}

/** Every event as one line of JSON, and nothing else. JSON escapes control characters, so a line is always one line. */
export function jsonReporter({ write }: JsonOptions): Reporter {
  return {
    sink: event => write(`${JSON.stringify(event)}\n`),
    finish() {},
  }
}
