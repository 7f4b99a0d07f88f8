// deno run --allow-read count.ts form.png
import { pathToFileURL } from 'node:url';
import { createDetector } from 'checkbox-detector';

const detector = createDetector();
for (const path of Deno.args) {
  const { counts } = await detector.detect(pathToFileURL(path));
  console.log(path, JSON.stringify(counts));
}
detector.close();
