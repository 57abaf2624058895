export declare function inputsOf(home: string): Record<string, readonly [size: number, mtimeMs: number]>
