/**
 * Node's own modules, without an `import`: bundlers for the browser stumble over `node:` specifiers even in code that
 * never runs there. Undefined outside Node.
 */
interface NodeModules {
  'node:fs/promises': typeof import('node:fs/promises');
  'node:worker_threads': typeof import('node:worker_threads');
}

export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] | undefined {
  return typeof process === 'object' ? process.getBuiltinModule?.(name) : undefined;
}
