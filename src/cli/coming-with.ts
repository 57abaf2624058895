/** The recipes that come with the program, by name. The build puts them in here; in a checkout they are read from recipes/. */
export const comingWith: Readonly<Record<string, () => Promise<unknown>>> | undefined = undefined
