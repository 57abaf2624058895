/** Where programs are looked for, whatever the caller's own environment says: a boot has none worth trusting. */
export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
