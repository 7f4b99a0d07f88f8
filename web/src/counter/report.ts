/** What goes out: the counts and boxes of pages as tables, CSV and JSON. Pure functions. */
import type { BoundingBox, Detection, DetectionResult } from '../lib/types.js';
import { type Box, boxesOf, type Corrections, type Tally, tally } from './boxes.js';
import { labelOf, type Word } from './labels.js';

/** A page that has been counted. */
export interface Counted {
  /** Name of the file, and which of its pages this is, from 1. */
  file: string;
  number: number;
  of: number;
  result: DetectionResult;
  corrections: Corrections;
  /** Words of the text layer, of a PDF page that carries text. */
  words?: readonly Word[] | undefined;
}

export interface ReportBox extends Box {
  /** From 1, as numbered in every table. */
  position: number;
  /** Undefined where the page carries no text. */
  label: string | undefined;
}

export interface PageReport {
  file: string;
  number: number;
  of: number;
  image: DetectionResult['image'];
  model: string;
  threshold: number;
  boxes: ReportBox[];
  tally: Tally;
  corrections: Corrections;
  result: DetectionResult;
}

export function reportOf(page: Counted, threshold: number): PageReport {
  const boxes = boxesOf(page.result, page.corrections, threshold);
  const places = boxes.map(({ bbox }) => bbox);
  return {
    file: page.file,
    number: page.number,
    of: page.of,
    image: page.result.image,
    model: page.result.model,
    threshold,
    boxes: boxes.map((box, index) => ({
      ...box,
      position: index + 1,
      label: page.words?.length ? labelOf(box.bbox, page.words, places) : undefined,
    })),
    tally: tally(boxes, page.corrections, threshold),
    corrections: page.corrections,
    result: page.result,
  };
}

type Cell = string | number;

/** Counts, one row a page. The headings stay English whatever the page speaks: programs read them. */
export function countRows(reports: readonly PageReport[]): Cell[][] {
  return [
    ['file', 'page', 'filled', 'empty', 'total', 'corrected'],
    ...reports.map(({ file, number, tally: { filled, empty, total, corrected } }) => [
      file,
      number,
      filled,
      empty,
      total,
      corrected,
    ]),
  ];
}

/** Boxes, one row each; places in pixels of the page. */
export function boxRows(reports: readonly PageReport[]): Cell[][] {
  return [
    ['file', 'page', 'box', 'state', 'confidence', 'x1', 'y1', 'x2', 'y2', 'source', 'label'],
    ...reports.flatMap(({ file, number, boxes }) =>
      boxes.map(({ position, class: kind, confidence, bbox: { x1, y1, x2, y2 }, source, label }) => [
        file,
        number,
        position,
        kind === 'filled_checkbox' ? 'filled' : 'empty',
        confidence,
        ...[x1, y1, x2, y2].map(round),
        source,
        label ?? '',
      ]),
    ),
  ];
}

/** RFC 4180, with the mark by which Excel knows UTF-8. */
export function csv(rows: readonly Cell[][]): string {
  return `\uFEFF${rows.map((row) => `${row.map(quoted).join(',')}\r\n`).join('')}`;
}

/** Tab-separated, as spreadsheets take it from the clipboard. */
export function tsv(rows: readonly Cell[][]): string {
  return rows.map((row) => row.map((cell) => harmless(cell).replace(/[\t\r\n]+/g, ' ')).join('\t')).join('\n');
}

function quoted(cell: Cell): string {
  const text = harmless(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A spreadsheet takes text that starts like this for a formula, and the words of a PDF may be anybody's. */
function harmless(cell: Cell): string {
  return typeof cell === 'string' && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : String(cell);
}

/** A page for programs: the result form as corrected, and beside it what was corrected. */
export interface ResultPage {
  file: string;
  /** Which page of the file, from 1. */
  page: number;
  /** Least confidence of the boxes in the result, but for those that a person has confirmed, flipped or drawn. */
  conf: number;
  /** Valid by detector/result.schema.json; a box drawn by hand has confidence 1. */
  result: DetectionResult;
  /** Indices count `result.detections` from 0; what was removed is no longer in there. */
  corrections: { flipped: number[]; drawn: number[]; confirmed: number[]; removed: Detection[] };
  /** The words beside each of `result.detections`; not there where the page carries no text. */
  labels?: string[];
}

export function resultPages(reports: readonly PageReport[]): ResultPage[] {
  return reports.map((report) => {
    const { boxes } = report;
    const detections = boxes.map(
      ({ class: kind, confidence, bbox }): Detection => ({ class: kind, confidence, bbox: roundBox(bbox) }),
    );
    const indices = (wanted: (box: Box) => boolean) => boxes.flatMap((box, index) => (wanted(box) ? [index] : []));
    return {
      file: report.file,
      page: report.number,
      conf: report.threshold,
      result: {
        success: true,
        image: report.image,
        detections,
        counts: { empty_checkbox: report.tally.empty, filled_checkbox: report.tally.filled },
        total: report.tally.total,
        model: report.model,
      },
      corrections: {
        flipped: indices(({ source }) => source === 'flipped'),
        drawn: indices(({ source }) => source === 'drawn'),
        confirmed: indices(({ source, kept }) => source === 'network' && kept),
        removed: report.result.detections.filter((_, index) => report.corrections.removed.has(index)),
      },
      ...(boxes.some(({ label }) => label !== undefined) && { labels: boxes.map(({ label }) => label ?? '') }),
    };
  });
}

export function json(reports: readonly PageReport[]): string {
  return `${JSON.stringify({ pages: resultPages(reports) }, undefined, 1)}\n`;
}

const round = (value: number) => Math.round(value * 100) / 100;

function roundBox({ x1, y1, x2, y2 }: BoundingBox): BoundingBox {
  return { x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2) };
}
