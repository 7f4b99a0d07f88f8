/**
 * Draws the form in tests/fixtures: HTML rendered by Chromium, with every box's place and state read from the document; and
 * from it and others the page's samples and its icon. The files are committed, so that a machine's fonts do not decide whether the tests pass. `npm run fixtures` draws anew.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { web } from '../scripts/paths.mjs';
import { launch } from './support/browser.ts';
import { type Grey, png, tiff, withOrientation } from './support/encode.ts';
import { type PdfPage, pdf } from './support/pdf.ts';

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

// The second sample: a questionnaire as a phone sees it, a little turned, under a lamp.
const SURVEY: [question: string, answer: number][] = [
  ['The meeting started on time.', 3],
  ['I could hear every speaker.', 4],
  ['The room was warm enough.', 0],
  ['The topics matter to me.', 4],
  ['There was time for questions.', 2],
  ['I will come again.', 4],
  ['I would bring a friend.', 1],
];
const survey = `<!doctype html><meta charset="utf-8"><style>
  body { margin: 0; width: 1000px; height: 1300px; overflow: hidden; background: linear-gradient(160deg, #6b5844, #3d3024) }
  main { position: absolute; inset: 70px 80px; padding: 60px; background: #fbfaf6; font: 22px/1.4 "DejaVu Sans", sans-serif;
    transform: perspective(2600px) rotateX(5deg) rotateY(-3deg) rotate(-1.6deg); box-shadow: 0 10px 40px #000a }
  h1 { font: bold 36px "DejaVu Serif", serif; margin: 0 0 10px } p { margin: 0 0 30px }
  table { border-collapse: collapse; width: 100% } td, th { padding: 15px 8px; border-bottom: 1px solid #999; font-weight: 400 }
  th { font-size: 15px } td + td { text-align: center }
  .box { width: 26px; height: 26px; overflow: visible; fill: none; stroke: #222; stroke-width: 1.6 }
  .box path { stroke: #20307a; stroke-width: 2.6; stroke-linecap: round }
  .light { position: absolute; inset: 0; background: radial-gradient(circle at 75% 15%, #fff5, #0000 55%, #0006) }
</style><main><h1>How was the meeting?</h1><p>One mark in each line, please.</p>
<table><tr><th></th>${['not at all', 'hardly', 'partly', 'mostly', 'fully'].map((head) => `<th>${head}</th>`).join('')}</tr>
${SURVEY.map(
  ([question, answer], row) =>
    `<tr><td>${question}</td>${[0, 1, 2, 3, 4]
      .map((column) => `<td>${box(column === answer ? (row % 3 === 1 ? 'tick' : 'cross') : undefined)}</td>`)
      .join('')}</tr>`,
).join('')}</table></main><div class="light"></div>`;
await page.setContent(survey);
await page.setViewportSize({ width: 1000, height: 1300 });
const photograph = await page.screenshot({ type: 'jpeg', quality: 72 });

// The page's icon for places that take no SVG, with room around it to be cut round.
const icon = (await readFile(join(web, 'src/page/icon.svg'), 'utf8')).replace('rx="8"', '');
const drawIcon = await browser.newPage({ viewport: { width: 512, height: 512 } });
await drawIcon.setContent(
  `<style>body { margin: 0; background: #18212f } svg { padding: 40px; width: 432px }</style>${icon}`,
);
const iconPicture = await drawIcon.screenshot();
await browser.close();

// The third sample: a form to be filled in on the screen, with text beside its boxes.
const lines = (heading: string, note: string, questions: [string, [label: string, filled: boolean][]][]): PdfPage => {
  const drawn: PdfPage = {
    texts: [
      { x: 56, y: 770, size: 20, text: heading },
      { x: 56, y: 748, size: 10, text: note },
    ],
    boxes: [],
  };
  let y = 700;
  for (const [question, answers] of questions) {
    drawn.texts.push({ x: 56, y, size: 12, text: question });
    y -= 26;
    for (const [index, [label, filled]] of answers.entries()) {
      const x = 66 + 240 * (index % 2);
      drawn.boxes.push({ x, y, size: 12, filled });
      drawn.texts.push({ x: x + 20, y: y + 2.5, size: 10.5, text: label });
      if (index % 2 === 1 || index === answers.length - 1) y -= 24;
    }
    y -= 16;
  }
  return drawn;
};
const fillable = pdf([
  lines('Membership', 'Please tick what applies, save the file and send it back.', [
    [
      'Kind of membership',
      [
        ['Single', false],
        ['Family', true],
        ['Reduced', false],
        ['Supporting', false],
      ],
    ],
    [
      'I would like to be told about',
      [
        ['Excursions', true],
        ['Lectures', true],
        ['Workshops', false],
        ['Elections', false],
      ],
    ],
    [
      'I can help with',
      [
        ['Setting up', false],
        ['Driving', true],
        ['Translating', false],
        ['Accounts', false],
        ['Press', false],
      ],
    ],
  ]),
  lines('Consent', 'Each of these can be taken back at any time.', [
    [
      'Data',
      [
        ['Store my address', true],
        ['Share it with the federation', false],
      ],
    ],
    [
      'Pictures',
      [
        ['Take pictures of me at events', false],
        ['Publish them', false],
      ],
    ],
    [
      'Payment',
      [
        ['By direct debit', true],
        ['By invoice', false],
      ],
    ],
  ]),
]);

const grey: Grey = { ...drawn, pixels: Uint8Array.from(drawn.pixels) };
const save = (name: string, content: Buffer | string) => writeFile(join(web, 'tests/fixtures', name), content);
await save('form.png', png(grey));
await save('form.tiff', tiff(grey));
await save('form-sideways.jpg', withOrientation(Buffer.from(drawn.jpeg, 'base64'), 6));
await save(
  'form.json',
  `${JSON.stringify({ image: { width: grey.width, height: grey.height }, boxes }, undefined, 1)}\n`,
);
const samples = join(web, 'src/page/samples');
await mkdir(samples, { recursive: true });
await writeFile(join(samples, 'form.png'), png(grey));
await writeFile(join(samples, 'survey.jpg'), photograph);
await writeFile(join(samples, 'fillable.pdf'), fillable);
await writeFile(join(web, 'src/page/icon-512.png'), iconPicture);
