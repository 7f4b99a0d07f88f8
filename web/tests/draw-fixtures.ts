/**
 * Draws the form in tests/fixtures: HTML rendered by Chromium, with every box's place and state read from the document.
 * The files are committed, so that a machine's fonts do not decide whether the tests pass. `npm run fixtures` draws anew.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { web } from '../scripts/paths.mjs';
import { launch } from './support/browser.ts';
import { type Grey, png, tiff, withOrientation } from './support/encode.ts';

/** Strokes of a pen over a box of 24 by 24, which they may leave. */
const MARKS = {
  tick: 'M3 12c3 2 5 5 7 9C13 12 19 4 27-3',
  cross: 'M3 2c6 6 12 13 19 20M21 1C15 8 8 15 2 23',
};
type Mark = keyof typeof MARKS;

const QUESTIONS: [question: string, answers: [label: string, mark?: Mark][]][] = [
  [
    'Which plot would you like?',
    [['Half plot, 12 m²', 'tick'], ['Full plot, 25 m²'], ['Raised bed'], ['Waiting list']],
  ],
  ['What will you grow?', [['Vegetables', 'cross'], ['Herbs', 'cross'], ['Flowers'], ['Fruit', 'cross'], ['Trees']]],
  ['When can you help?', [['Weekdays'], ['Saturdays', 'cross'], ['Sundays'], ['Evenings'], ['School holidays']]],
  ['How did you hear of us?', [['A neighbour', 'tick'], ['The market'], ['A poster'], ['The library'], ['Online']]],
  ['Tools you can lend', [['Wheelbarrow'], ['Spade', 'tick'], ['Hose', 'tick'], ['Ladder']]],
];

const box = (mark?: Mark) =>
  `<svg class="box" data-filled="${mark !== undefined}" viewBox="0 0 24 24">
     <rect x="1" y="1" width="22" height="22"/>${mark ? `<path d="${MARKS[mark]}"/>` : ''}
   </svg>`;

const form = `<!doctype html><meta charset="utf-8"><style>
  body { margin: 0; padding: 60px 68px; width: 714px; height: 980px; font: 15px/1.45 "DejaVu Sans", sans-serif; background: #fff }
  h1 { font: bold 27px "DejaVu Serif", serif; margin: 0 0 4px }
  h2 { font-size: 15px; margin: 26px 0 8px; border-bottom: 1px solid #888; padding-bottom: 4px }
  p { margin: 0 0 10px } .answers { display: flex; flex-wrap: wrap; gap: 10px 26px }
  label { display: flex; align-items: center; gap: 8px; min-width: 128px }
  .box { width: 16px; height: 16px; overflow: visible; fill: none; stroke: #111; stroke-width: 1.6 }
  .box path { stroke: #1d2a6b; stroke-width: 2.6; stroke-linecap: round }
  .line { border-bottom: 1px solid #333; height: 26px; margin-right: 30px } .last { margin-top: 26px }
</style>
<h1>Community garden</h1><p>Application for a plot in the coming season. Please mark what applies with a pen.</p>
<p class="line">Name</p><p class="line">Address</p>
${QUESTIONS.map(
  ([question, answers]) =>
    `<h2>${question}</h2><div class="answers">${answers
      .map(([label, mark]) => `<label>${box(mark)}${label}</label>`)
      .join('')}</div>`,
).join('')}
<label class="last">${box('tick')}I have read the rules of the garden and will keep to them.</label>
<label class="last">${box()}Send me the newsletter.</label>
<p class="line last">Date and signature</p>`;

const SCALE = 1.5;
const browser = await launch();
const page = await browser.newPage({ viewport: { width: 850, height: 1100 }, deviceScaleFactor: SCALE });
await page.setContent(form);
const boxes = await page.$$eval(
  '.box',
  (elements, scale) =>
    elements.map((element) => {
      const { left, top, right, bottom } = element.getBoundingClientRect();
      const bbox = { x1: left * scale, y1: top * scale, x2: right * scale, y2: bottom * scale };
      return { class: element.getAttribute('data-filled') === 'true' ? 'filled_checkbox' : 'empty_checkbox', bbox };
    }),
  SCALE,
);
const picture = `data:image/png;base64,${(await page.screenshot()).toString('base64')}`;
const drawn = await page.evaluate(async (source) => {
  const image = new Image();
  image.src = source;
  await image.decode();
  const { width, height } = image;
  const upright = Object.assign(document.createElement('canvas'), { width, height });
  const context = upright.getContext('2d') as CanvasRenderingContext2D;
  context.filter = 'grayscale(1)';
  context.drawImage(image, 0, 0);
  const pixels = [...context.getImageData(0, 0, width, height).data].filter((_, index) => index % 4 === 0);
  // Lying on its left side, as a phone held sideways stores it: orientation 6 says to turn it clockwise.
  const sideways = Object.assign(document.createElement('canvas'), { width: height, height: width });
  const turned = sideways.getContext('2d') as CanvasRenderingContext2D;
  turned.translate(0, width);
  turned.rotate(-Math.PI / 2);
  turned.drawImage(upright, 0, 0);
  return { width, height, pixels, jpeg: sideways.toDataURL('image/jpeg', 0.6).split(',')[1] as string };
}, picture);
await browser.close();

const grey: Grey = { ...drawn, pixels: Uint8Array.from(drawn.pixels) };
const save = (name: string, content: Buffer | string) => writeFile(join(web, 'tests/fixtures', name), content);
await save('form.png', png(grey));
await save('form.tiff', tiff(grey));
await save('form-sideways.jpg', withOrientation(Buffer.from(drawn.jpeg, 'base64'), 6));
await save(
  'form.json',
  `${JSON.stringify({ image: { width: grey.width, height: grey.height }, boxes }, undefined, 1)}\n`,
);
