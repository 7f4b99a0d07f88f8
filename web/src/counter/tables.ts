/** The counts and the boxes as tables: the whole of it for those who do not see the picture, and to be copied. */
import { isUncertain } from './boxes.js';
import { make } from './dom.js';
import type { PageReport, ReportBox } from './report.js';
import type { Texts } from './texts.js';

export interface BoxActions {
  show(box: ReportBox): void;
  flip(box: ReportBox): void;
  remove(box: ReportBox): void;
}

export function boxTable(report: PageReport, t: Texts, act: BoxActions): HTMLTableElement {
  const labelled = report.boxes.some(({ label }) => label !== undefined);
  const c = t.columns;
  const heads = [c.position, c.state, c.confidence, ...(labelled ? [c.label] : []), c.note, c.actions];
  const rows = report.boxes.map((box) => {
    const note = box.source === 'network' && box.kept ? t.confirmed : t.source[box.source];
    const uncertain = isUncertain(box, report.threshold);
    const show = make(
      'button',
      { type: 'button', className: 'link', ariaLabel: t.showBox(box.position) },
      String(box.position),
    );
    show.addEventListener('click', () => act.show(box));
    const flip = make('button', { type: 'button', className: 'link', ariaLabel: t.flipBox(box.position) }, t.flip);
    flip.dataset.act = `flip ${box.id}`;
    flip.addEventListener('click', () => act.flip(box));
    const remove = make(
      'button',
      { type: 'button', className: 'link', ariaLabel: t.removeBox(box.position) },
      t.remove,
    );
    remove.addEventListener('click', () => act.remove(box));
    return make(
      'tr',
      {},
      make('th', { scope: 'row', className: 'position-cell' }, show),
      make('td', { className: box.class === 'filled_checkbox' ? 'filled' : 'empty' }, t.state[box.class]),
      make('td', { className: 'number-cell' }, box.source === 'drawn' ? '–' : (box.confidence * 100).toFixed(1)),
      ...(labelled ? [make('td', { className: 'label-cell' }, box.label ?? '')] : []),
      make('td', {}, uncertain ? t.isUncertain : note),
      make('td', { className: 'acts' }, flip, ' ', remove),
    );
  });
  return table(t.boxesOf(t.pageName(report.file, report.number, report.of)), heads, rows);
}

/** @param show called with the number of the row whose page is asked for */
export function pageTable(reports: readonly PageReport[], t: Texts, show?: (index: number) => void): HTMLTableElement {
  const c = t.columns;
  const cells = (values: readonly number[]) =>
    values.map((value) => make('td', { className: 'number-cell' }, String(value)));
  const rows = reports.map((report, index) => {
    const { filled, empty, total, corrected } = report.tally;
    const name: Node | string = show
      ? make('button', { type: 'button', className: 'link', onclick: () => show(index) }, report.file)
      : report.file;
    return make(
      'tr',
      {},
      make('th', { scope: 'row' }, name),
      ...cells([report.number, filled, empty, total, corrected]),
    );
  });
  const sums = (['filled', 'empty', 'total', 'corrected'] as const).map((key) =>
    reports.reduce((sum, { tally }) => sum + tally[key], 0),
  );
  const foot = make('tr', { className: 'sum-row' }, make('th', { scope: 'row', colSpan: 2 }, t.sumRow), ...cells(sums));
  return table(t.allPages, [c.file, c.page, c.filled, c.empty, c.total, c.corrected], [...rows, foot]);
}

function table(caption: string, heads: readonly string[], rows: readonly HTMLTableRowElement[]): HTMLTableElement {
  const head = make('tr', {}, ...heads.map((words) => make('th', { scope: 'col' }, words)));
  return make('table', {}, make('caption', {}, caption), make('thead', {}, head), make('tbody', {}, ...rows));
}
