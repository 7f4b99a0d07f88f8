/** The module as a place hands it out that compiles what is imported: Cloudflare Workers, wrangler. Not for browsers. */
declare const module: WebAssembly.Module;
export default module;
