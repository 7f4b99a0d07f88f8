// node count.js form.png scans/*.jpg
import { pathToFileURL } from 'node:url';
import { createDetector } from 'checkbox-detector';

const detector = createDetector();
for await (const { input, result, error } of detector.detectAll(process.argv.slice(2).map(pathToFileURL))) {
  console.log(input.pathname.split('/').at(-1), error ? error.message : JSON.stringify(result.counts));
}
detector.close();
