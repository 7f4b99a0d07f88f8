/** The ways out: clipboard, files, a ZIP of all, paper. */
import { Zip, ZipPassThrough } from 'fflate';
import { annotated } from './canvas.js';
import { make, type Parts } from './dom.js';
import { collectionName, pictureName, unique } from './names.js';
import { boxRows, countRows, csv, json, type PageReport, tsv } from './report.js';
import type { Page, Store } from './store.js';
import { pageTable } from './tables.js';
import type { Texts } from './texts.js';

export interface TakeAway {
  parts: Parts;
  texts: Texts;
  store: Store;
  /** A picture of the page that the browser can read; it may be taller than the page. */
  readable: (page: Page) => Promise<Blob>;
}

/** On paper, pixels on the long side of a page: 150 dpi and more. */
const PRINT_SIDE = 1600;

export function offer({ parts, texts, store, readable }: TakeAway): void {
  const say = (words: string) => parts.say('out-words', words);
  const name = (extension: string) =>
    collectionName(
      store.pages.map(({ file }) => file),
      extension,
      new Date(),
    );
  const saveText = (text: string, extension: string, type: string) =>
    save(new Blob([text], { type: `${type};charset=utf-8` }), name(extension));
  /** The counted pages, each with what is reported of it. */
  const counted = () =>
    store.pages.flatMap((page) => {
      const report = store.report(page);
      return report ? [{ page, report }] : [];
    });
  /** Runs one at a time: a second click while a ZIP is packed does not start another. */
  let busy = false;
  const onClick = (id: string, act: () => void | Promise<void>) =>
    parts.on(id, async () => {
      if (busy) return;
      busy = true;
      try {
        say('');
        await act();
      } finally {
        busy = false;
      }
    });

  onClick('copy', async () => {
    try {
      await navigator.clipboard.writeText(tsv(countRows(store.reports())));
      say(texts.copied);
    } catch {
      say(texts.notCopied);
    }
  });
  onClick('csv-counts', () => saveText(csv(countRows(store.reports())), '.csv', 'text/csv'));
  onClick('csv-boxes', () => saveText(csv(boxRows(store.reports())), '-boxes.csv', 'text/csv'));
  onClick('json', () => saveText(json(store.reports()), '.json', 'application/json'));
  onClick('png', async () => {
    const page = store.shown;
    const report = page && store.report(page);
    if (!page || !report) return;
    try {
      save(await annotated(await readable(page), report.image, report.boxes), pictureName(report));
    } catch {
      say(texts.notPacked([texts.pageName(page.file, page.number, page.of)]));
    }
  });
  onClick('zip', async () => {
    const pages = counted();
    const missing: string[] = [];
    const draw = async ({ page, report }: (typeof pages)[number], index: number) => {
      say(texts.packing(index + 1, pages.length));
      return annotated(await readable(page), report.image, report.boxes).catch(() => {
        missing.push(texts.pageName(page.file, page.number, page.of));
        return undefined;
      });
    };
    const file = name('.zip');
    save(await zipped(pages, draw), file);
    say(missing.length > 0 ? texts.notPacked(missing) : texts.packed(file));
  });
  onClick('print', async () => {
    const pages = counted();
    const pictures: (Blob | undefined)[] = [];
    for (const [index, { page, report }] of pages.entries()) {
      say(texts.packing(index + 1, pages.length));
      const options = { side: PRINT_SIDE, type: 'image/jpeg' } as const;
      pictures.push(await annotated(await readable(page), report.image, report.boxes, options).catch(() => undefined));
    }
    say('');
    await print(
      pages.map(({ report }) => report),
      pictures,
      texts,
      parts.root,
    );
  });
}

/** The tables, the result and one picture a page. Pictures are packed already, so nothing here is compressed. */
async function zipped<Entry extends { report: PageReport }>(
  entries: readonly Entry[],
  draw: (entry: Entry, index: number) => Promise<Blob | undefined>,
): Promise<Blob> {
  const reports = entries.map(({ report }) => report);
  const parts: Blob[] = [];
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    // As a Blob it need not stay in memory.
    parts.push(new Blob([chunk as BlobPart]));
  });
  const add = async (name: string, content: Blob) => {
    const file = new ZipPassThrough(name);
    zip.add(file);
    // In pieces: the checksum of a whole picture would hold the page up.
    const step = 1 << 19;
    for (let at = 0; at < content.size; at += step) {
      const end = at + step >= content.size;
      file.push(new Uint8Array(await content.slice(at, at + step).arrayBuffer()), end);
    }
  };
  const free = unique();
  await add(free('counts.csv'), new Blob([csv(countRows(reports))]));
  await add(free('boxes.csv'), new Blob([csv(boxRows(reports))]));
  await add(free('result.json'), new Blob([json(reports)]));
  for (const [index, entry] of entries.entries()) {
    const picture = await draw(entry, index);
    if (picture) await add(free(`pages/${pictureName(entry.report)}`), picture);
  }
  zip.end();
  return new Blob(parts, { type: 'application/zip' });
}

function save(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const link = make('a', { href: address, download: name });
  link.click();
  // The browser takes hold of it after the click.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

const PAPER = `
  body { margin: 0; font: 11pt/1.4 system-ui, sans-serif; color: #000; background: #fff }
  h1 { font-size: 15pt; margin: 0 0 4mm } h2 { font-size: 11pt; margin: 0 0 2mm; overflow-wrap: anywhere }
  table { border-collapse: collapse; margin-bottom: 6mm } caption { text-align: start; font-weight: 600 }
  th, td { border-bottom: 1px solid #bbb; padding: 1mm 3mm; text-align: start; font-weight: 400 }
  .number-cell { text-align: end; font-variant-numeric: tabular-nums } .sum-row * { font-weight: 600 }
  section { break-before: page } img { max-width: 100%; max-height: 235mm; border: 1px solid #ccc }
`;

/** In a frame of its own, so that a page in which the component is embedded is not printed with it. */
async function print(
  reports: readonly PageReport[],
  pictures: readonly (Blob | undefined)[],
  t: Texts,
  root: ShadowRoot,
): Promise<void> {
  const frame = make('iframe', { className: 'paper-frame', title: t.print, ariaHidden: 'true', tabIndex: -1 });
  root.append(frame);
  const view = frame.contentWindow as (Window & typeof globalThis) | null;
  if (!view) return;
  const { document } = view;
  document.documentElement.lang = frame.closest('[lang]')?.getAttribute('lang') ?? '';
  document.title = t.title;
  const style = new view.CSSStyleSheet();
  style.replaceSync(PAPER);
  document.adoptedStyleSheets = [style];
  const date = new Date().toLocaleDateString();
  document.body.append(make('h1', {}, t.title), pageTable(reports, t), make('p', {}, t.printed(date)));
  const images: HTMLImageElement[] = [];
  for (const [index, report] of reports.entries()) {
    const picture = pictures[index];
    const { filled, empty } = report.tally;
    const name = `${t.pageName(report.file, report.number, report.of)}: ${t.countsOf(filled, empty)}`;
    const section = make('section', {}, make('h2', {}, name));
    if (picture) {
      const image = make('img', { alt: '', src: URL.createObjectURL(picture) });
      images.push(image);
      section.append(image);
    }
    document.body.append(section);
  }
  await Promise.allSettled(images.map((image) => image.decode()));
  const done = () => {
    for (const { src } of images) URL.revokeObjectURL(src);
    frame.remove();
  };
  view.addEventListener('afterprint', () => setTimeout(done));
  view.print();
}
