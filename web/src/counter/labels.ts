/** The words that belong to a box, from the text layer of a PDF page. Pure geometry, in pixels of the page. */
import type { BoundingBox } from '../lib/types.js';

export interface Word extends BoundingBox {
  text: string;
}

/** A gap of so many line heights ends a label: what comes after it is another column. */
const GAP = 2.2;
/** Longer labels are cut at a word. */
const MOST = 120;

/**
 * The label of a box: the words to its right on the same line, up to the next box or a wide gap. On a line that ends with a
 * box and begins with words (`Yes [ ]  No [ ]`) it is the words to the left. Empty where there are none.
 * @param boxes all boxes of the page; the one asked for may be among them
 */
export function labelOf(box: BoundingBox, words: readonly Word[], boxes: readonly BoundingBox[]): string {
  const slack = 0.25 * (box.y2 - box.y1);
  const onLine = (other: BoundingBox) => {
    const middle = (other.y1 + other.y2) / 2;
    return middle > box.y1 - slack && middle < box.y2 + slack;
  };
  const line = [box, ...boxes.filter((other) => onLine(other) && !same(other, box))].sort((a, b) => a.x1 - b.x1);
  // Marks drawn as letters (ticks of Zapf Dingbats) lie in a box, and are no part of any label.
  const outside = words.filter((word) => onLine(word) && !line.some((each) => covers(each, word)));
  const [first, last] = [line[0] as BoundingBox, line.at(-1) as BoundingBox];
  const before = rightOf(last, line, outside).length === 0 && leftOf(first, line, outside).length > 0;
  const label = before ? leftOf(box, line, outside) : rightOf(box, line, outside);
  return cut(label.map(({ text }) => text).join(' '));
}

function rightOf(box: BoundingBox, line: readonly BoundingBox[], words: readonly Word[]): Word[] {
  const end = Math.min(...line.filter(({ x1 }) => x1 >= box.x2).map(({ x1 }) => x1));
  const candidates = words.filter((word) => middleX(word) > box.x2 && middleX(word) < end).sort((a, b) => a.x1 - b.x1);
  return chain(
    box.x2,
    candidates,
    ({ x1 }, at) => x1 - at,
    ({ x2 }) => x2,
  );
}

function leftOf(box: BoundingBox, line: readonly BoundingBox[], words: readonly Word[]): Word[] {
  const end = Math.max(...line.filter(({ x2 }) => x2 <= box.x1).map(({ x2 }) => x2));
  const candidates = words.filter((word) => middleX(word) < box.x1 && middleX(word) > end).sort((a, b) => b.x2 - a.x2);
  return chain(
    box.x1,
    candidates,
    ({ x2 }, at) => at - x2,
    ({ x1 }) => x1,
  ).reverse();
}

/** The words that follow on one another from `start` without a wide gap. */
function chain(
  start: number,
  words: readonly Word[],
  gap: (word: Word, end: number) => number,
  far: (word: Word) => number,
): Word[] {
  const taken: Word[] = [];
  let end = start;
  for (const word of words) {
    const allowed = GAP * (word.y2 - word.y1);
    if (gap(word, end) > allowed) break;
    taken.push(word);
    end = far(word);
  }
  return taken;
}

const middleX = ({ x1, x2 }: BoundingBox) => (x1 + x2) / 2;

const covers = (box: BoundingBox, word: Word) => middleX(word) > box.x1 && middleX(word) < box.x2;

const same = (a: BoundingBox, b: BoundingBox) => a.x1 === b.x1 && a.y1 === b.y1 && a.x2 === b.x2 && a.y2 === b.y2;

function cut(label: string): string {
  if (label.length <= MOST) return label;
  const space = label.lastIndexOf(' ', MOST);
  return `${label.slice(0, space > 0 ? space : MOST)}…`;
}

/**
 * Words of a run of text, each with its share of the run's width by its letters: a text layer gives whole runs only.
 * @param run in pixels of the page
 */
export function wordsOfRun(run: Word): Word[] {
  const { text, x1, x2, y1, y2 } = run;
  const width = (x2 - x1) / Math.max(1, text.length);
  return [...text.matchAll(/\S+/g)].map((match) => ({
    text: match[0],
    x1: x1 + match.index * width,
    x2: x1 + (match.index + match[0].length) * width,
    y1,
    y2,
  }));
}
