export declare function loader(directory: string, command: string): { load(file: string): unknown; keep(): void }
