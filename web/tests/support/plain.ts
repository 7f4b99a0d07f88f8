/** The module by its plain exports, with every import trapping: how any other host calls it. */
interface PlainExports {
  memory: WebAssembly.Memory;
  cbd_alloc(length: number): number;
  cbd_detect(image: number, imageLength: number, options: number, optionsLength: number): number;
  cbd_result_ptr(): number;
  cbd_result_len(): number;
}

/** The result as the module prints it. */
export function detectPlainly(module: WebAssembly.Module, image: Uint8Array, options: object): string {
  const imports: WebAssembly.Imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    const trap = () => {
      throw new Error(`${name} was called`);
    };
    imports[from] = { ...imports[from], [name]: trap };
  }
  const exports = new WebAssembly.Instance(module, imports).exports as unknown as PlainExports;
  const give = (bytes: Uint8Array) => {
    const at = exports.cbd_alloc(bytes.length);
    new Uint8Array(exports.memory.buffer).set(bytes, at);
    return [at, bytes.length] as const;
  };
  const status = exports.cbd_detect(...give(image), ...give(new TextEncoder().encode(JSON.stringify(options))));
  if (status !== 0) throw new Error('cbd_detect failed');
  const result = new Uint8Array(exports.memory.buffer, exports.cbd_result_ptr(), exports.cbd_result_len());
  return new TextDecoder().decode(result);
}
