/** The parts of the component that are plain functions. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { root } from '../scripts/paths.mjs';
import {
  boxesOf,
  type Corrections,
  correct,
  type Edit,
  neighbour,
  nextUncertain,
  tally,
  uncorrected,
} from '../src/counter/boxes.ts';
import { noHistory, record, redo, undo } from '../src/counter/history.ts';
import { labelOf, type Word, wordsOfRun } from '../src/counter/labels.ts';
import { limit } from '../src/counter/limit.ts';
import { collectionName, pictureName, stem, unique } from '../src/counter/names.ts';
import { poolSize } from '../src/counter/pool.ts';
import { boxRows, countRows, csv, json, reportOf, tsv } from '../src/counter/report.ts';
import {
  areFine,
  fitScale,
  hit,
  nudged,
  pdfScale,
  rectangle,
  shapeOf,
  stepScale,
  usualSide,
} from '../src/counter/shapes.ts';
import { kindOf } from '../src/counter/source.ts';
import { type Event, Store } from '../src/counter/store.ts';
import { failureWords, languageFor, languages, textsFor } from '../src/counter/texts.ts';
import { tiffPages } from '../src/counter/tiff.ts';
import type { DetectionResult } from '../src/lib/types.ts';
import { bigTiff, joined, tiff } from './support/encode.ts';
import { perfect } from './support/fixtures.ts';

/** Detections 10 pixels large in a row, of these states and confidences. */
function result(...found: [state: 'empty' | 'filled', confidence: number][]): DetectionResult {
  const detections = found.map(([state, confidence], index) => ({
    class: `${state}_checkbox` as const,
    confidence,
    bbox: { x1: 20 * index, y1: 0, x2: 20 * index + 10, y2: 10 },
  }));
  return {
    success: true,
    image: { width: 400, height: 300 },
    detections,
    counts: { empty_checkbox: 0, filled_checkbox: 0 },
    total: detections.length,
    model: 'test',
  };
}

const edited = (...edits: Edit[]) => edits.reduce(correct, uncorrected);

suite('boxes of a page', () => {
  const page = result(['empty', 0.9], ['filled', 0.55], ['filled', 0.3], ['empty', 0.8]);
  const ids = (corrections: Corrections, threshold: number) =>
    boxesOf(page, corrections, threshold).map(({ id, class: kind }) => `${id} ${kind.split('_')[0]}`);

  test('are those above the threshold', () => {
    assert.deepEqual(ids(uncorrected, 0.5), ['n0 empty', 'n1 filled', 'n3 empty']);
    assert.equal(boxesOf(page, uncorrected, 0.1).length, 4);
    assert.equal(boxesOf(page, uncorrected, 0.95).length, 0);
  });

  test('are flipped, removed, drawn, moved; what a person touched no threshold takes away', () => {
    const bbox = { x1: 100, y1: 100, x2: 120, y2: 120 };
    const corrections = edited(
      { kind: 'flip', id: 'n1' },
      { kind: 'remove', id: 'n3' },
      { kind: 'keep', id: 'n2' },
      { kind: 'draw', class: 'filled_checkbox', bbox },
      { kind: 'flip', id: 'd0' },
      { kind: 'move', id: 'd0', bbox: { ...bbox, x2: 130 } },
    );
    assert.deepEqual(ids(corrections, 0.95), ['n1 empty', 'n2 filled', 'd0 empty']);
    assert.equal(boxesOf(page, corrections, 0.5).at(-1)?.bbox.x2, 130);
    assert.deepEqual(tally(boxesOf(page, corrections, 0.5), corrections, 0.5), {
      filled: 1,
      empty: 3,
      total: 4,
      corrected: 3,
      uncertain: 0,
    });
  });

  test('flipped twice are as they were, and no longer uncertain', () => {
    const corrections = edited({ kind: 'flip', id: 'n1' }, { kind: 'flip', id: 'n1' });
    const boxes = boxesOf(page, corrections, 0.5);
    assert.equal(boxes[1]?.class, 'filled_checkbox');
    const { corrected, uncertain } = tally(boxes, corrections, 0.5);
    assert.deepEqual({ corrected, uncertain }, { corrected: 0, uncertain: 0 });
  });

  test('get no id twice, also after a removal', () => {
    const bbox = { x1: 0, y1: 0, x2: 9, y2: 9 };
    const draw: Edit = { kind: 'draw', class: 'empty_checkbox', bbox };
    const corrections = edited(draw, draw, { kind: 'remove', id: 'd0' }, draw);
    assert.deepEqual(
      corrections.drawn.map(({ id }) => id),
      ['d1', 'd2'],
    );
  });

  test('are walked through in a circle, the uncertain ones alone too', () => {
    const boxes = boxesOf(page, uncorrected, 0.25);
    assert.equal(neighbour(boxes, undefined, 1)?.id, 'n0');
    assert.equal(neighbour(boxes, 'n3', 1)?.id, 'n0');
    assert.equal(neighbour(boxes, 'n0', -1)?.id, 'n3');
    assert.equal(nextUncertain(boxes, undefined, 0.5, 1)?.id, 'n1');
    assert.equal(nextUncertain(boxes, 'n1', 0.5, 1)?.id, 'n2');
    assert.equal(nextUncertain(boxes, 'n2', 0.5, 1)?.id, 'n1');
    assert.equal(nextUncertain(boxes, undefined, 0.5, -1)?.id, 'n2');
    assert.equal(nextUncertain(boxes, undefined, 0, 1), undefined);
  });
});

suite('undo and redo', () => {
  const change = (page: number, after: Corrections, merge?: string) => ({ page, before: uncorrected, after, merge });
  const [a, b] = [edited({ kind: 'flip', id: 'n0' }), edited({ kind: 'remove', id: 'n1' })];

  test('step back and forth, and a new change ends what could be made again', () => {
    const two = record(record(noHistory, change(1, a)), change(2, b));
    const [once, last] = undo(two) ?? assert.fail();
    assert.equal(last.page, 2);
    const [again, same] = redo(once) ?? assert.fail();
    assert.equal(same, last);
    assert.equal(redo(again), undefined);
    assert.equal(redo(record(once, change(3, a))), undefined);
    assert.equal(undo(noHistory), undefined);
  });

  test('take back a box moved pixel by pixel in one step', () => {
    const history = record(record(record(noHistory, change(1, a)), change(1, a, 'move d0')), change(1, b, 'move d0'));
    assert.equal(history.past.length, 2);
    const [, last] = undo(history) ?? assert.fail();
    assert.deepEqual([last.before, last.after], [uncorrected, b]);
  });
});

suite('the store', () => {
  const files = ['one.png', 'two.pdf', 'three.png'].map((name) => ({ name, file: new Blob() }));
  const source = { picture: async () => ({ blob: new Blob() }), drawn: false };

  test('puts the pages of a file where the file was', () => {
    const store = new Store(0.5);
    const [, pdf] = store.addFiles(files);
    assert.ok(pdf);
    store.opened(pdf, [source, source, source]);
    assert.deepEqual(
      store.pages.map(({ file, number, of }) => `${file} ${number}/${of}`),
      ['one.png 1/1', 'two.pdf 1/3', 'two.pdf 2/3', 'two.pdf 3/3', 'three.png 1/1'],
    );
    assert.equal(new Set(store.pages.map(({ id }) => id)).size, 5);
  });

  test('counts what is done, tells what failed, follows threshold and corrections', () => {
    const store = new Store(0.5);
    const [one, two, three] = store.addFiles(files);
    assert.ok(one && two && three);
    store.become(one, { kind: 'done', result: result(['filled', 0.9], ['empty', 0.55], ['empty', 0.2]) });
    store.fail(two, new Error('odd'));
    assert.deepEqual(store.sum(), {
      filled: 1,
      empty: 1,
      total: 2,
      corrected: 0,
      uncertain: 1,
      done: 1,
      failed: 1,
      all: 3,
    });
    store.setThreshold(0.1);
    assert.equal(store.sum().empty, 2);
    store.edit(one, { kind: 'flip', id: 'n1' });
    assert.deepEqual([store.sum().filled, store.sum().corrected], [2, 1]);
  });

  test('shows the page whose correction is taken back', () => {
    const store = new Store(0.5);
    const [one, two] = store.addFiles(files);
    assert.ok(one && two);
    store.become(one, { kind: 'done', result: result(['filled', 0.9]) });
    store.edit(one, { kind: 'remove', id: 'n0' });
    store.show(two);
    const told: Event['kind'][] = [];
    store.listen(({ kind }) => told.push(kind));
    store.undo();
    assert.equal(store.shown, one);
    assert.equal(store.tallyOf(one)?.total, 1);
    assert.deepEqual(told, ['shown', 'page']);
    assert.ok(store.canRedo && !store.canUndo);
    store.redo();
    assert.equal(store.tallyOf(one)?.total, 0);
  });

  test('forgets all when cleared, and what comes late is not told', () => {
    const store = new Store(0.5);
    const [one] = store.addFiles(files);
    assert.ok(one);
    store.edit(one, { kind: 'keep', id: 'n0' });
    store.clear();
    let told = 0;
    store.listen(() => told++);
    store.become(one, { kind: 'done', result: perfect });
    assert.deepEqual([told, store.pages.length, store.canUndo], [0, 0, false]);
    assert.deepEqual(store.opened(one, [source]), []);
  });
});

suite('labels', () => {
  const box = (x: number, y = 0) => ({ x1: x, y1: y, x2: x + 10, y2: y + 10 });
  const word = (text: string, x: number, y = 0): Word => ({ text, x1: x, x2: x + 6 * text.length, y1: y, y2: y + 10 });
  const boxes = [box(0), box(200), box(0, 40)];
  const words = [
    word('Raised', 14),
    word('bed', 54),
    word('Full', 214),
    word('plot', 242),
    word('Below', 14, 20),
    word('Far', 400),
  ];

  test('are the words to the right, up to the next box or a wide gap', () => {
    assert.equal(labelOf(box(0), words, boxes), 'Raised bed');
    assert.equal(labelOf(box(200), words, boxes), 'Full plot');
  });

  test('are the words to the left on a line that ends with a box', () => {
    assert.equal(labelOf(box(300, 80), [word('I', 240, 80), word('agree', 256, 80)], [box(300, 80)]), 'I agree');
    const yesNo = [word('Yes', 0), word('No', 60)];
    const pair = [box(24), box(78)];
    assert.deepEqual(
      pair.map((each) => labelOf(each, yesNo, pair)),
      ['Yes', 'No'],
    );
  });

  test('are empty where nothing is near, and no tick in the box is part of them', () => {
    assert.equal(labelOf(box(0, 40), words, boxes), '');
    assert.equal(labelOf(box(0), [word('4', 2), ...words], boxes), 'Raised bed');
  });

  test('are cut at a word when they are very long', () => {
    const long = Array.from({ length: 40 }, (_, index) => word('words', 14 + 36 * index));
    const label = labelOf(box(0), long, [box(0)]);
    assert.ok(label.length <= 121 && label.endsWith('words…'), label);
  });

  test('get the words of a run by the share of their letters', () => {
    const run = { text: ' yes  no', x1: 100, x2: 180, y1: 0, y2: 10 };
    assert.deepEqual(wordsOfRun(run), [
      { text: 'yes', x1: 110, x2: 140, y1: 0, y2: 10 },
      { text: 'no', x1: 160, x2: 180, y1: 0, y2: 10 },
    ]);
  });
});

suite('what is taken away', () => {
  const corrections = edited(
    { kind: 'flip', id: 'n1' },
    { kind: 'remove', id: 'n0' },
    { kind: 'keep', id: 'n3' },
    { kind: 'draw', class: 'filled_checkbox', bbox: { x1: 1.234, y1: 200, x2: 30, y2: 240 } },
  );
  const words = [{ text: '=SUM(A1)', x1: 34, x2: 50, y1: 0, y2: 10 }];
  const report = reportOf(
    {
      file: 'a "form", 1.pdf',
      number: 2,
      of: 3,
      result: result(['filled', 0.9], ['empty', 0.8], ['empty', 0.2], ['filled', 0.6]),
      corrections,
      words,
    },
    0.5,
  );

  test('as CSV: quoted, with no formulas in it', () => {
    assert.equal(
      csv(countRows([report])),
      '\uFEFFfile,page,filled,empty,total,corrected\r\n"a ""form"", 1.pdf",2,3,0,3,3\r\n',
    );
    const lines = csv(boxRows([report])).split('\r\n');
    assert.equal(lines[1], `"a ""form"", 1.pdf",2,1,filled,0.8,20,0,30,10,flipped,'=SUM(A1)`);
    assert.equal(lines[3], '"a ""form"", 1.pdf",2,3,filled,1,1.23,200,30,240,drawn,');
  });

  test('as a table for spreadsheets', () => {
    assert.equal(
      tsv([
        ['a\tb', 1],
        ['c\nd', '-2'],
      ]),
      "a b\t1\nc d\t'-2",
    );
  });

  test('as JSON: a valid result as corrected, and what was corrected', () => {
    const schema = JSON.parse(readFileSync(join(root, 'detector/result.schema.json'), 'utf8'));
    const valid = new Ajv2020().compile(schema);
    const { pages } = JSON.parse(json([report]));
    const [page] = pages;
    assert.ok(valid(page.result), JSON.stringify(valid.errors));
    assert.deepEqual(page.result.counts, { empty_checkbox: 0, filled_checkbox: 3 });
    assert.deepEqual(page.corrections, {
      flipped: [0],
      drawn: [2],
      confirmed: [1],
      removed: [result(['filled', 0.9]).detections[0]],
    });
    assert.deepEqual(page.labels, ['=SUM(A1)', '', '']);
    assert.deepEqual([page.file, page.page, page.conf], ['a "form", 1.pdf', 2, 0.5]);
  });

  test('under names that make sense and that every system takes', () => {
    assert.equal(stem('C:\\scans\\form.v2.png'), 'form.v2');
    assert.equal(stem('what? <now>.tiff'), 'what- -now-');
    assert.equal(stem('.png'), 'png');
    assert.equal(pictureName({ file: 'form.png', number: 1, of: 1 }), 'form-boxes.png');
    assert.equal(pictureName({ file: 'all.pdf', number: 7, of: 120 }), 'all-page-007-boxes.png');
    const day = new Date(2026, 10, 5);
    assert.equal(collectionName(['form.pdf', 'form.pdf'], '.csv', day), 'form-checkboxes.csv');
    assert.equal(collectionName(['a.png', 'b.png'], '.zip', day), 'checkboxes-2026-11-05.zip');
    const free = unique();
    assert.deepEqual(['a.png', 'A.png', 'a.png', 'b'].map(free), ['a.png', 'A-2.png', 'a-3.png', 'b']);
  });
});

suite('pages of a TIFF', () => {
  const wide = (width: number) => tiff({ width, height: 8, pixels: new Uint8Array(width * 8).fill(255) });
  const two = () => joined(wide(8), wide(9));
  const widthOf = async (page: Blob | undefined) => {
    const bytes = Buffer.from((await page?.arrayBuffer()) ?? new ArrayBuffer());
    return bytes.readUInt32LE(bytes.readUInt32LE(4) + 2 + 8);
  };

  test('are files of their own, whose first directory is theirs', async () => {
    const pages = await tiffPages(new Blob([two()]));
    assert.equal(pages.length, 2);
    assert.deepEqual(await Promise.all(pages.map(widthOf)), [8, 9]);
  });

  test('are told apart in BigTIFF too', async () => {
    const grey = (width: number) => ({ width, height: 8, pixels: new Uint8Array(width * 8).fill(255) });
    const pages = await tiffPages(new Blob([Uint8Array.from(bigTiff(grey(8), grey(9), grey(10)))]));
    const widths = pages.map(async (page) => {
      const bytes = Buffer.from(await page.arrayBuffer());
      return bytes.readUInt32LE(Number(bytes.readBigUInt64LE(8)) + 8 + 12);
    });
    assert.deepEqual(await Promise.all(widths), [8, 9, 10]);
  });

  test('do not count reduced copies', async () => {
    const bytes = two();
    const second = bytes.readUInt32LE(bytes.readUInt32LE(4) + 2 + 12 * 9);
    // The last entry becomes NewSubfileType 1.
    bytes.writeUInt16LE(254, second + 2 + 12 * 8);
    bytes.writeUInt32LE(1, second + 2 + 12 * 8 + 8);
    assert.equal((await tiffPages(new Blob([bytes]))).length, 1);
  });

  test('are the file itself where it has one page, is damaged, or none at all', async () => {
    const circle = two();
    const first = circle.readUInt32LE(4);
    circle.writeUInt32LE(first, first + 2 + 12 * 9);
    const cut = two().subarray(0, 60);
    for (const bytes of [circle, cut, Buffer.from('II'), Buffer.from('no picture at all, but long')]) {
      const file = new Blob([bytes]);
      assert.deepEqual(await tiffPages(file), [file]);
    }
  });
});

test('files are told apart by their first bytes', () => {
  const kinds: [string, string][] = [
    ['%PDF-1.7', 'pdf'],
    ['junk before\n%PDF-1.4', 'pdf'],
    ['II*\0', 'tiff'],
    ['MM\0*', 'tiff'],
    ['MM\0+', 'tiff'],
    ['\xff\xd8\xff\xe0', 'readable'],
    ['\x89PNG\r\n', 'readable'],
    ['RIFF1234WEBPVP8 ', 'readable'],
    ['GIF89a', 'readable'],
    ['\0\0\0 ftypheic', 'other'],
    ['', 'other'],
  ];
  for (const [text, kind] of kinds) assert.equal(kindOf(Buffer.from(text, 'latin1')), kind, text);
});

test('the pool leaves a core to the page, and a small machine its memory', () => {
  assert.deepEqual([poolSize(1), poolSize(2), poolSize(4), poolSize(16), poolSize(8, 2)], [1, 1, 3, 4, 1]);
});

test('a limit is kept, in order, also past failures', async () => {
  const limited = limit(2);
  let running = 0;
  let most = 0;
  const order: number[] = [];
  const work = (number: number) =>
    limited(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
      order.push(number);
      if (number === 1) throw new Error('no');
    });
  const settled = await Promise.allSettled([0, 1, 2, 3, 4].map(work));
  assert.deepEqual([most, running], [2, 0]);
  assert.deepEqual(order, [0, 1, 2, 3, 4]);
  assert.equal(settled.filter(({ status }) => status === 'rejected').length, 1);
});

suite('shapes over the picture', () => {
  const bbox = { x1: 100, y1: 200, x2: 120, y2: 230 };

  test('keep their distance in pixels of the screen, at every scale', () => {
    for (const scale of [0.25, 1, 4]) {
      const shape = shapeOf({ class: 'empty_checkbox', bbox }, scale);
      assert.equal((bbox.x1 - shape.x) * scale, 2);
      assert.equal((shape.y + shape.height - bbox.y2) * scale, 2);
    }
  });

  test('differ in form, not in colour alone', () => {
    const empty = shapeOf({ class: 'empty_checkbox', bbox }, 1);
    const filled = shapeOf({ class: 'filled_checkbox', bbox }, 1);
    assert.ok(empty.radius > 5 && !empty.badge);
    assert.ok(filled.radius === 0 && filled.badge);
  });

  test('keep the badge visible on small boxes and small on large ones', () => {
    const radius = (side: number) => {
      const box = { x1: 0, y1: 0, x2: side, y2: side };
      return shapeOf({ class: 'filled_checkbox', bbox: box }, 1).badge?.radius;
    };
    assert.equal(radius(4), 3.5);
    assert.equal(radius(400), 9);
  });
});

test('lines are thinner where most boxes are small on the screen', () => {
  assert.ok(areFine(perfect.detections, 0.3));
  assert.ok(!areFine(perfect.detections, 0.6));
});

suite('zoom', () => {
  test('fits the longer side in, and enlarges small pictures three times at most', () => {
    assert.equal(fitScale({ width: 1000, height: 2000 }, { width: 500, height: 500 }), 0.25);
    assert.equal(fitScale({ width: 10, height: 10 }, { width: 500, height: 500 }), 3);
  });

  test('stays within bounds however often it is asked for', () => {
    let scale = 0.25;
    for (let step = 0; step < 50; step++) scale = stepScale(scale, 0.25, 1);
    assert.equal(scale, 8);
    for (let step = 0; step < 100; step++) scale = stepScale(scale, 0.25, -1);
    assert.equal(scale, 0.025);
  });
});

suite('pointing at boxes', () => {
  const boxes = [
    { id: 'a', bbox: { x1: 0, y1: 0, x2: 10, y2: 10 } },
    { id: 'b', bbox: { x1: 14, y1: 0, x2: 24, y2: 10 } },
  ];
  const size = { width: 100, height: 50 };

  test('finds the nearest within reach', () => {
    assert.equal(hit(boxes, { x: 5, y: 5 }, 0)?.id, 'a');
    assert.equal(hit(boxes, { x: 12.5, y: 5 }, 4)?.id, 'b');
    assert.equal(hit(boxes, { x: 12.5, y: 5 }, 1), undefined);
  });

  test('frames are kept within the page, whichever corner comes first', () => {
    assert.deepEqual(rectangle({ x: 30, y: 60 }, { x: -5, y: 20 }, size), { x1: 0, y1: 20, x2: 30, y2: 50 });
  });

  test('a box without a size gets that of most others', () => {
    assert.equal(usualSide(boxes, size), 10);
    assert.equal(usualSide([], size), 2);
  });

  test('moved boxes stay on the page, resized ones keep a size', () => {
    const box = { x1: 90, y1: 40, x2: 98, y2: 48 };
    assert.deepEqual(nudged(box, 5, 0, false, size), { x1: 92, y1: 40, x2: 100, y2: 48 });
    assert.deepEqual(nudged(box, -100, 3, true, size), { x1: 90, y1: 40, x2: 92, y2: 50 });
  });
});

test('PDF pages are drawn as large as the detector likes, long ones larger, none too large for a canvas', () => {
  const side = (width: number, height: number) => Math.round(Math.max(width, height) * pdfScale({ width, height }));
  assert.equal(side(595, 842), 1650);
  assert.equal(side(842, 595), 1650);
  assert.equal(side(300, 1500), 4125);
  assert.equal(side(100, 9000), 8192);
});

suite('texts', () => {
  test('are the same in every language, to the last key', () => {
    const keys = (value: object): string[] =>
      Object.entries(value).flatMap(([key, inner]) =>
        typeof inner === 'object' ? [key, ...keys(inner).map((each) => `${key}.${each}`)] : [key],
      );
    const [english, ...others] = Object.values(languages);
    assert.ok(english && others.length > 0);
    for (const other of others) assert.deepEqual(keys(other).sort(), keys(english).sort());
  });

  test('are chosen by what the person reads', () => {
    assert.equal(languageFor(['fr-FR', 'de-AT', 'en']), 'de');
    assert.equal(languageFor(['xx', 'constructor']), 'en');
  });

  const texts = textsFor(['en']);

  test('make a sentence of what the detector says', () => {
    assert.deepEqual(failureWords(texts, 'empty_input', 'the file is empty'), {
      words: 'The file is empty.',
      detail: 'The file is empty.',
    });
    const detail = 'an archive or office document cannot be read; send a JPEG, PNG, WebP, TIFF, BMP or GIF picture';
    assert.equal(
      failureWords(texts, 'unsupported_format', detail).detail,
      'An archive or office document cannot be read.',
    );
    assert.match(failureWords(texts, 'crashed', 'unreachable').words, /starts afresh/);
    assert.equal(failureWords(texts, 'never heard of', 'odd').words, 'This page could not be counted.');
  });

  test('name a few of many failures', () => {
    assert.equal(texts.failures(['a', 'b']), '2 pages could not be counted: a, b.');
    assert.match(texts.failures([...'abcdefgh']), /8 pages .*: a, b, c, d, e and 3 more\./);
  });

  test('say of how many pages the sum is', () => {
    assert.equal(texts.sum({ done: 1, failed: 1, all: 3 }), '2 of 3 done');
    assert.equal(texts.sum({ done: 2, failed: 1, all: 3 }), '2 of 3 counted');
    assert.equal(texts.sum({ done: 3, failed: 0, all: 3 }), '3 pages together');
  });

  test('show how far loading is where that is known', () => {
    assert.equal(texts.progress({ phase: 'loading', loaded: 50, total: 200 }), 'Loading the detector… 25%');
    assert.equal(texts.progress({ phase: 'loading', loaded: 50, total: undefined }), 'Loading the detector…');
  });
});
