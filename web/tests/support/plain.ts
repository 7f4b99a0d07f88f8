/** The module by its plain exports, with every import trapping: how any other host calls it. */
interface PlainExports {
  memory: WebAssembly.Memory;
  cbd_alloc(length: number): number;
  cbd_detect(image: number, imageLength: number, options: number, optionsLength: number): number;
  cbd_result_ptr(): number;
  cbd_result_len(): number;
}

/** The result as the module prints it. */
export function detectPlainly(module: WebAssembly.Module, image: Uint8Array): string {
  const imports: WebAssembly.Imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    const trap = () => {
      throw new Error(`${name} was called`);
    };
    imports[from] = { ...imports[from], [name]: trap };
  }
  const exports = new WebAssembly.Instance(module, imports).exports as unknown as PlainExports;
  const at = exports.cbd_alloc(image.length);
  new Uint8Array(exports.memory.buffer).set(image, at);
  if (exports.cbd_detect(at, image.length, 0, 0) !== 0) throw new Error('cbd_detect failed');
  const result = new Uint8Array(exports.memory.buffer, exports.cbd_result_ptr(), exports.cbd_result_len());
  return new TextDecoder().decode(result);
}
