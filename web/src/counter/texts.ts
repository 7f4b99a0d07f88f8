/**
 * Every word of the component and of the page, in every language it speaks. To add one: write another `Texts` and name it
 * in `languages`; the type checker says what is missing.
 */
import type { Progress } from '../lib/types.js';

export type Texts = typeof english;

type AnyProgress = Progress | { phase: 'opening' | 'drawing' };

const english = {
  title: 'Checkbox counter',
  privacy: 'Nothing leaves this machine',
  startOver: 'Start over',
  addFiles: 'Add files',
  stopAll: 'Stop',

  question: 'How many boxes are ticked?',
  invitation: 'Drop pictures or PDF files of forms anywhere here, paste one, or',
  invitationTouch: 'Pictures and PDF files of forms: any number at once.',
  choose: 'Choose files',
  chooseFolder: 'Choose a folder',
  takePhoto: 'Take a photo',
  samples: 'Or try a sample:',
  sampleNames: { form: 'A form', survey: 'A survey, photographed', pdf: 'A fillable PDF' },
  empty: 'empty',
  filled: 'filled',
  formats:
    'PDF, JPEG, PNG, WebP, TIFF, BMP or GIF; every page is read. The counting happens inside this page; your files are not uploaded.',
  dropping: 'Drop to count',

  counts: 'Counts',
  inAll: 'in all',
  corrected: (count: number) => `${count} corrected by hand`,
  nothing: 'No checkbox was found on this page.',
  uncertain: (count: number) => (count === 1 ? '1 box is uncertain' : `${count} boxes are uncertain`),
  nextUncertain: 'Look at the next',
  threshold: 'At least this sure:',
  thresholdReset: 'Reset',
  percent: (value: number) => `${Math.round(value * 100)}%`,

  takeAway: 'Take away',
  copy: 'Copy table',
  csvCounts: 'CSV of counts',
  csvBoxes: 'CSV of boxes',
  json: 'JSON',
  png: 'PNG',
  zip: 'All as ZIP',
  print: 'Print',
  copied: 'The table is copied.',
  notCopied: 'The browser did not let the table be copied.',
  packing: (done: number, all: number) => `Drawing page ${done} of ${all}…`,
  packed: (name: string) => `${name} is ready.`,
  notPacked: (names: string[]) => `Could not be drawn: ${names.join(', ')}.`,

  picture: 'Picture',
  viewer: 'Page',
  pictureView: 'Picture',
  boxesView: 'Boxes',
  pagesView: 'All pages',
  view: 'View',
  showBoxes: 'Show boxes',
  zoomOut: 'Zoom out',
  zoomIn: 'Zoom in',
  zoomFit: 'Fit the picture in',
  draw: 'Draw a missed box',
  undo: 'Undo',
  redo: 'Redo',
  keys: 'Keys',
  close: 'Close',
  desk: 'Picture with its boxes. N goes to the next uncertain box, B to the next box, Space flips it.',

  flip: 'Flip',
  remove: 'Delete',
  keep: 'It is right',
  flipBox: (position: number) => `Flip box ${position}`,
  removeBox: (position: number) => `Delete box ${position}`,
  showBox: (position: number) => `Show box ${position} on the picture`,
  selected: (position: number, of: number) => `Box ${position} of ${of}`,
  state: { empty_checkbox: 'empty', filled_checkbox: 'filled' },
  source: { network: '', flipped: 'flipped by hand', drawn: 'drawn by hand' },
  confirmed: 'confirmed',
  sure: (confidence: number) => `${(confidence * 100).toFixed(1)}% sure`,
  isUncertain: 'uncertain',
  hint: 'A click on a box flips it between empty and filled.',
  hintDraw: 'Was a box missed? Choose the frame with the plus, above, and draw it.',
  drawHint: 'Draw a frame around the missed box, or click in its middle. Esc ends drawing.',
  drawn: 'A box was added; arrow keys move it, with Shift they resize it.',
  removed: 'The box was deleted.',
  noUncertain: 'No box is uncertain.',

  columns: {
    position: 'No.',
    state: 'State',
    confidence: 'Sure (%)',
    label: 'Label',
    note: 'Note',
    actions: 'Change',
    file: 'File',
    page: 'Page',
    filled: 'Filled',
    empty: 'Empty',
    total: 'Total',
    corrected: 'Corrected',
  },
  boxesOf: (name: string) => `Boxes of ${name}`,
  allPages: 'Counts of all pages',
  sumRow: 'Sum',

  pages: 'Pages',
  pageName: (file: string, number: number, of: number) => (of > 1 ? `${file}, page ${number}` : file),
  pageNumber: (number: number, of: number) => (of > 1 ? `page ${number} of ${of}` : ''),
  size: (width: number, height: number) => `${width} × ${height}`,
  countsOf: (filled: number, empty: number) => `${filled} filled, ${empty} empty, ${filled + empty} in all`,
  news: (name: string, counts: string) => `${name}: ${counts}.`,
  newsMany: (done: number, all: number, counts: string) => `${done} of ${all} pages counted: ${counts}.`,
  sum({ done, failed, all }: { done: number; failed: number; all: number }): string {
    if (done + failed < all) return `${done + failed} of ${all} done`;
    return failed > 0 ? `${done} of ${all} counted` : `${all} pages together`;
  },
  failures: (names: string[]) =>
    names.length === 1
      ? `1 page could not be counted: ${names[0]}.`
      : `${names.length} pages could not be counted: ${listed(names, 'and', 'more')}.`,
  retry: 'Try again',
  stop: 'Stop',
  notAFile: 'There was no file in that. Drop or paste a picture or a PDF.',
  pasted: (count: number) => `Pasted picture ${count}`,
  photo: (count: number) => `Photo ${count}`,
  sampleMissing: 'The sample could not be loaded.',

  ready: 'Ready.',
  loadFailed: 'The detector could not be loaded. Check the connection and reload the page.',
  update: 'A newer version of this page is there.',
  reload: 'Reload',
  drawing: 'This browser cannot show this kind of picture; the detector is drawing it…',
  notDrawn: 'This browser cannot show this kind of picture. The counts are right all the same.',
  states: { waiting: 'waiting', failed: 'not counted' },
  progress(progress: AnyProgress): string {
    switch (progress.phase) {
      case 'opening':
        return 'Opening the file…';
      case 'drawing':
        return 'Drawing the page…';
      case 'waiting':
        return 'Waiting for the pages before…';
      case 'loading':
        return progress.total
          ? `Loading the detector… ${Math.floor((100 * progress.loaded) / progress.total)}%`
          : 'Loading the detector…';
      case 'starting':
        return 'Starting the detector…';
      case 'reading':
        return 'Reading the picture…';
      case 'detecting':
        return 'Looking for checkboxes…';
    }
  },
  failed: {
    unreadable_input: 'This file could not be read. Perhaps it was moved, or it is a folder.',
    load_failed: 'The detector could not be loaded. Check the connection and try again.',
    no_wasm: 'This browser cannot run the detector: it needs WebAssembly with SIMD, which every current browser has.',
    out_of_memory: 'There was not enough memory to count this page.',
    crashed: 'The detector stopped while it was working on this page. For the next one it starts afresh.',
    cancelled: 'Stopped before this page was counted.',
    empty_input: 'The file is empty.',
    too_many_bytes: 'The file is larger than the detector reads.',
    too_many_pixels: 'The picture has more pixels than the detector reads.',
    too_small: 'The picture is too small to hold a checkbox.',
    unsupported_format:
      'This is not a kind of file that can be read here. PDF, JPEG, PNG, WebP, TIFF, BMP and GIF are.',
    corrupt_image: 'The picture could not be decoded; the file is damaged or cut off.',
    pdf_password: 'This PDF is protected with a password. Save it without one and try again.',
    pdf_damaged: 'This PDF is damaged and could not be opened.',
    pdf_failed: 'This page of the PDF could not be drawn.',
    pdf_crashed: 'The reader of PDF files stopped or could not be loaded.',
  } as Record<string, string>,
  failedOtherwise: 'This page could not be counted.',

  keysTitle: 'Keys on the picture',
  keyList: [
    ['N, Shift+N', 'next, previous uncertain box'],
    ['B, Shift+B', 'next, previous box'],
    ['Space', 'flip the box between empty and filled'],
    ['Enter', 'the box is right'],
    ['Delete', 'delete the box'],
    ['D', 'draw a missed box; Enter puts one in the middle'],
    ['Arrow keys', 'move a drawn box; with Shift resize it'],
    ['Ctrl+Z, Ctrl+Y', 'undo, redo'],
    ['+, −, 0', 'zoom in, zoom out, fit in'],
    ['J, K', 'next, previous page'],
    ['Esc', 'let go of the box, end drawing'],
  ] as [keys: string, what: string][],
  printed: (date: string) => `Counted on ${date}`,
};

const german: Texts = {
  title: 'Kästchenzähler',
  privacy: 'Nichts verlässt dieses Gerät',
  startOver: 'Von vorn',
  addFiles: 'Weitere Dateien',
  stopAll: 'Anhalten',

  question: 'Wie viele Kästchen sind angekreuzt?',
  invitation: 'Bilder oder PDF-Dateien von Formularen hierher ziehen, einfügen oder',
  invitationTouch: 'Bilder und PDF-Dateien von Formularen, so viele Sie wollen.',
  choose: 'Dateien wählen',
  chooseFolder: 'Ordner wählen',
  takePhoto: 'Foto aufnehmen',
  samples: 'Oder ein Beispiel:',
  sampleNames: { form: 'Ein Formular', survey: 'Ein fotografierter Fragebogen', pdf: 'Ein ausfüllbares PDF' },
  empty: 'leer',
  filled: 'angekreuzt',
  formats:
    'PDF, JPEG, PNG, WebP, TIFF, BMP oder GIF; jede Seite wird gelesen. Gezählt wird in dieser Seite; Ihre Dateien werden nicht hochgeladen.',
  dropping: 'Loslassen zum Zählen',

  counts: 'Anzahl',
  inAll: 'insgesamt',
  corrected: (count) => `${count} von Hand berichtigt`,
  nothing: 'Auf dieser Seite wurde kein Kästchen gefunden.',
  uncertain: (count) => (count === 1 ? '1 Kästchen ist unsicher' : `${count} Kästchen sind unsicher`),
  nextUncertain: 'Nächstes ansehen',
  threshold: 'Mindestens so sicher:',
  thresholdReset: 'Zurücksetzen',
  percent: (value) => `${Math.round(value * 100)} %`,

  takeAway: 'Mitnehmen',
  copy: 'Tabelle kopieren',
  csvCounts: 'CSV je Seite',
  csvBoxes: 'CSV je Kästchen',
  json: 'JSON',
  png: 'PNG',
  zip: 'Alles als ZIP',
  print: 'Drucken',
  copied: 'Die Tabelle ist kopiert.',
  notCopied: 'Der Browser hat das Kopieren nicht erlaubt.',
  packing: (done, all) => `Seite ${done} von ${all} wird gezeichnet…`,
  packed: (name) => `${name} ist fertig.`,
  notPacked: (names) => `Nicht gezeichnet: ${names.join(', ')}.`,

  picture: 'Bild',
  viewer: 'Seite',
  pictureView: 'Bild',
  boxesView: 'Kästchen',
  pagesView: 'Alle Seiten',
  view: 'Ansicht',
  showBoxes: 'Kästchen zeigen',
  zoomOut: 'Verkleinern',
  zoomIn: 'Vergrößern',
  zoomFit: 'Bild einpassen',
  draw: 'Übersehenes Kästchen einzeichnen',
  undo: 'Rückgängig',
  redo: 'Wiederholen',
  keys: 'Tasten',
  close: 'Schließen',
  desk: 'Bild mit seinen Kästchen. N geht zum nächsten unsicheren, B zum nächsten Kästchen, die Leertaste kehrt es um.',

  flip: 'Umkehren',
  remove: 'Löschen',
  keep: 'Stimmt',
  flipBox: (position) => `Kästchen ${position} umkehren`,
  removeBox: (position) => `Kästchen ${position} löschen`,
  showBox: (position) => `Kästchen ${position} im Bild zeigen`,
  selected: (position, of) => `Kästchen ${position} von ${of}`,
  state: { empty_checkbox: 'leer', filled_checkbox: 'angekreuzt' },
  source: { network: '', flipped: 'von Hand umgekehrt', drawn: 'von Hand gezeichnet' },
  confirmed: 'bestätigt',
  sure: (confidence) => `zu ${(confidence * 100).toFixed(1).replace('.', ',')} % sicher`,
  isUncertain: 'unsicher',
  hint: 'Ein Klick auf ein Kästchen wechselt zwischen leer und angekreuzt.',
  hintDraw: 'Ein Kästchen übersehen? Oben den Rahmen mit dem Plus wählen und es einzeichnen.',
  drawHint: 'Einen Rahmen um das übersehene Kästchen ziehen oder in seine Mitte klicken. Esc beendet das Zeichnen.',
  drawn: 'Ein Kästchen kam dazu; Pfeiltasten bewegen es, mit der Umschalttaste ändern sie seine Größe.',
  removed: 'Das Kästchen ist gelöscht.',
  noUncertain: 'Kein Kästchen ist unsicher.',

  columns: {
    position: 'Nr.',
    state: 'Zustand',
    confidence: 'Sicher (%)',
    label: 'Beschriftung',
    note: 'Anmerkung',
    actions: 'Ändern',
    file: 'Datei',
    page: 'Seite',
    filled: 'Angekreuzt',
    empty: 'Leer',
    total: 'Gesamt',
    corrected: 'Berichtigt',
  },
  boxesOf: (name) => `Kästchen von ${name}`,
  allPages: 'Anzahl auf allen Seiten',
  sumRow: 'Summe',

  pages: 'Seiten',
  pageName: (file, number, of) => (of > 1 ? `${file}, Seite ${number}` : file),
  pageNumber: (number, of) => (of > 1 ? `Seite ${number} von ${of}` : ''),
  size: (width, height) => `${width} × ${height}`,
  countsOf: (filled, empty) => `${filled} angekreuzt, ${empty} leer, ${filled + empty} insgesamt`,
  news: (name, counts) => `${name}: ${counts}.`,
  newsMany: (done, all, counts) => `${done} von ${all} Seiten gezählt: ${counts}.`,
  sum({ done, failed, all }) {
    if (done + failed < all) return `${done + failed} von ${all} fertig`;
    return failed > 0 ? `${done} von ${all} gezählt` : `${all} Seiten zusammen`;
  },
  failures: (names) =>
    names.length === 1
      ? `1 Seite konnte nicht gezählt werden: ${names[0]}.`
      : `${names.length} Seiten konnten nicht gezählt werden: ${listed(names, 'und', 'weitere')}.`,
  retry: 'Noch einmal',
  stop: 'Anhalten',
  notAFile: 'Darin war keine Datei. Bitte ein Bild oder ein PDF hierher ziehen oder einfügen.',
  pasted: (count) => `Eingefügtes Bild ${count}`,
  photo: (count) => `Foto ${count}`,
  sampleMissing: 'Das Beispiel konnte nicht geladen werden.',

  ready: 'Bereit.',
  loadFailed: 'Der Zähler konnte nicht geladen werden. Bitte die Verbindung prüfen und die Seite neu laden.',
  update: 'Von dieser Seite gibt es eine neuere Fassung.',
  reload: 'Neu laden',
  drawing: 'Dieser Browser kann diese Art von Bild nicht zeigen; es wird gezeichnet…',
  notDrawn: 'Dieser Browser kann diese Art von Bild nicht zeigen. Die Anzahl stimmt trotzdem.',
  states: { waiting: 'wartet', failed: 'nicht gezählt' },
  progress(progress) {
    switch (progress.phase) {
      case 'opening':
        return 'Die Datei wird geöffnet…';
      case 'drawing':
        return 'Die Seite wird gezeichnet…';
      case 'waiting':
        return 'Wartet auf die Seiten davor…';
      case 'loading':
        return progress.total
          ? `Der Zähler wird geladen… ${Math.floor((100 * progress.loaded) / progress.total)} %`
          : 'Der Zähler wird geladen…';
      case 'starting':
        return 'Der Zähler startet…';
      case 'reading':
        return 'Das Bild wird gelesen…';
      case 'detecting':
        return 'Kästchen werden gesucht…';
    }
  },
  failed: {
    unreadable_input:
      'Diese Datei konnte nicht gelesen werden. Vielleicht wurde sie verschoben, oder es ist ein Ordner.',
    load_failed: 'Der Zähler konnte nicht geladen werden. Bitte die Verbindung prüfen und noch einmal versuchen.',
    no_wasm:
      'Dieser Browser kann den Zähler nicht ausführen: nötig ist WebAssembly mit SIMD, wie jeder aktuelle es hat.',
    out_of_memory: 'Der Speicher reichte nicht, um diese Seite zu zählen.',
    crashed: 'Der Zähler ist bei dieser Seite stehen geblieben. Für die nächste startet er neu.',
    cancelled: 'Angehalten, bevor diese Seite gezählt war.',
    empty_input: 'Die Datei ist leer.',
    too_many_bytes: 'Die Datei ist größer, als gelesen werden kann.',
    too_many_pixels: 'Das Bild hat mehr Pixel, als gelesen werden können.',
    too_small: 'Das Bild ist zu klein für ein Kästchen.',
    unsupported_format:
      'Diese Art von Datei kann hier nicht gelesen werden, wohl aber PDF, JPEG, PNG, WebP, TIFF, BMP und GIF.',
    corrupt_image: 'Das Bild konnte nicht gelesen werden; die Datei ist beschädigt oder abgeschnitten.',
    pdf_password:
      'Dieses PDF ist mit einem Kennwort geschützt. Bitte ohne Kennwort speichern und noch einmal versuchen.',
    pdf_damaged: 'Dieses PDF ist beschädigt und konnte nicht geöffnet werden.',
    pdf_failed: 'Diese Seite des PDF konnte nicht gezeichnet werden.',
    pdf_crashed: 'Der Leser für PDF-Dateien blieb stehen oder konnte nicht geladen werden.',
  },
  failedOtherwise: 'Diese Seite konnte nicht gezählt werden.',

  keysTitle: 'Tasten auf dem Bild',
  keyList: [
    ['N, Umschalt+N', 'nächstes, voriges unsicheres Kästchen'],
    ['B, Umschalt+B', 'nächstes, voriges Kästchen'],
    ['Leertaste', 'Kästchen umkehren: leer oder angekreuzt'],
    ['Eingabe', 'das Kästchen stimmt'],
    ['Entf', 'Kästchen löschen'],
    ['D', 'übersehenes Kästchen einzeichnen; Eingabe setzt eines in die Mitte'],
    ['Pfeiltasten', 'gezeichnetes Kästchen bewegen, mit Umschalt seine Größe ändern'],
    ['Strg+Z, Strg+Y', 'rückgängig, wiederholen'],
    ['+, −, 0', 'vergrößern, verkleinern, einpassen'],
    ['J, K', 'nächste, vorige Seite'],
    ['Esc', 'Kästchen loslassen, Zeichnen beenden'],
  ],
  printed: (date) => `Gezählt am ${date}`,
};

/** A sentence with three hundred names in it helps nobody. */
function listed(names: string[], and: string, more: string): string {
  const most = 5;
  if (names.length <= most) return names.join(', ');
  return `${names.slice(0, most).join(', ')} ${and} ${names.length - most} ${more}`;
}

export const languages: Readonly<Record<string, Texts>> = { en: english, de: german };

/**
 * The first language of these that is spoken here; English where none is.
 * @param wanted language tags such as `de-AT`, the best first
 */
export function languageFor(wanted: readonly string[]): string {
  const codes = wanted.map((tag) => tag.toLowerCase().split('-')[0] ?? '');
  return codes.find((code) => Object.hasOwn(languages, code)) ?? 'en';
}

export function textsFor(wanted: readonly string[]): Texts {
  return languages[languageFor(wanted)] ?? english;
}

/** Words for an error: ours where there are some, and what the detector says itself, in English, in any case. */
export function failureWords(texts: Texts, code: string, detail: string): { words: string; detail: string } {
  // What to send instead is said by the words already, for this page, which reads more than the detector alone.
  return { words: texts.failed[code] ?? texts.failedOtherwise, detail: sentence(detail.replace(/; send a .*/, '')) };
}

function sentence(detail: string): string {
  return `${detail.charAt(0).toUpperCase()}${detail.slice(1)}${/[.!?]$/.test(detail) ? '' : '.'}`;
}
