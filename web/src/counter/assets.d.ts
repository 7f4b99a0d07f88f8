/** What the build makes of things that are not TypeScript. */

/** A style sheet, as text. */
declare module '*.css' {
  const text: string;
  export default text;
}

/** The half of pdf.js that reads; it comes without types. */
declare module 'pdfjs-dist/legacy/build/pdf.worker.mjs' {
  export const WorkerMessageHandler: unknown;
}
