/** The ways in: drop files and folders, paste, the pickers, the camera. */
import type { Parts } from './dom.js';
import type { Texts } from './texts.js';

export interface NamedFile {
  name: string;
  file: Blob;
}

/** Names of files and folders that hold nobody's pages. */
const HIDDEN = /^(\.|Thumbs\.db$|desktop\.ini$)/i;

export interface Intake {
  parts: Parts;
  texts: Texts;
  /** Where things may be dropped and pasted: the component, or the window it fills. */
  area: EventTarget;
  /** Ends the listening. */
  signal: AbortSignal;
  /** Called with what came in, never with an empty list. */
  onFiles: (files: NamedFile[]) => void;
  /** Called when something was dropped or pasted that holds no file. */
  onNothing: () => void;
}

export function listen({ parts, texts, area, signal, onFiles, onNothing }: Intake): void {
  const take = (files: NamedFile[]) => (files.length > 0 ? onFiles(files) : onNothing());

  const pickers: [input: string, buttons: string[], name: (file: File) => string][] = [
    ['file', ['choose', 'add'], ({ name }) => name],
    ['folder', ['choose-folder'], ({ name }) => name],
    ['camera', ['take-photo'], photoName(texts)],
  ];
  for (const [id, buttons, nameOf] of pickers) {
    const picker = parts.get(id, HTMLInputElement);
    picker.addEventListener('change', () => {
      const files = [...(picker.files ?? [])].filter(
        ({ name, webkitRelativePath }) => !(webkitRelativePath || name).split('/').some((part) => HIDDEN.test(part)),
      );
      if (id === 'folder') files.sort((a, b) => byPath(a.webkitRelativePath, b.webkitRelativePath));
      if (files.length > 0) onFiles(files.map((file) => ({ name: nameOf(file), file })));
      // Choosing the same file again is to count as a change.
      picker.value = '';
    });
    for (const button of buttons) parts.on(button, () => picker.click());
  }

  let pasted = 0;
  const onPaste = (event: ClipboardEvent) => {
    const files = [...(event.clipboardData?.files ?? [])];
    // A picture that was copied from a page or a program has no name of its own; every browser calls it image.png.
    const nameOf = ({ name }: File) => (/^image\.\w+$/.test(name) || !name ? texts.pasted(++pasted) : name);
    take(files.map((file) => ({ name: nameOf(file), file })));
  };
  area.addEventListener('paste', (event) => onPaste(event as ClipboardEvent), { signal });

  // dragenter and dragleave also fire for every element that is crossed; only the outermost ones count.
  let depth = 0;
  const show = (visible: boolean) => parts.get('dropping').classList.toggle('visible', visible);
  const on = (type: string, act: (event: DragEvent) => void) =>
    area.addEventListener(
      type,
      (event) => {
        event.preventDefault();
        act(event as DragEvent);
      },
      { signal },
    );
  on('dragenter', () => {
    depth += 1;
    show(true);
  });
  on('dragleave', () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) show(false);
  });
  on('dragover', ({ dataTransfer }) => {
    if (dataTransfer) dataTransfer.dropEffect = 'copy';
  });
  on('drop', ({ dataTransfer }) => {
    depth = 0;
    show(false);
    void dropped(dataTransfer).then(take);
  });
}

function photoName(texts: Texts): () => string {
  let photos = 0;
  return () => texts.photo(++photos);
}

/** Files, and all that is in folders, in the order of their names. */
async function dropped(transfer: DataTransfer | null): Promise<NamedFile[]> {
  if (!transfer) return [];
  // Both have to be asked for before the first pause: afterwards the transfer is empty.
  const entries = [...transfer.items].map((item) =>
    item.kind === 'file' ? (item.webkitGetAsEntry?.() ?? null) : null,
  );
  const files = [...transfer.files].map((file) => ({ name: file.name, file }));
  if (!entries.some((entry) => entry?.isDirectory)) return files;
  const found = await Promise.all(entries.map((entry) => (entry ? within(entry) : [])));
  return found.flat();
}

async function within(entry: FileSystemEntry): Promise<NamedFile[]> {
  if (HIDDEN.test(entry.name)) return [];
  if (entry.isFile) {
    const file = await new Promise<File | undefined>((resolve) =>
      (entry as FileSystemFileEntry).file(resolve, () => resolve(undefined)),
    );
    return file ? [{ name: file.name, file }] : [];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const inside: FileSystemEntry[] = [];
  // A reader gives a hundred at a time, and nothing at the end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0) break;
    inside.push(...some);
  }
  inside.sort((a, b) => byPath(a.name, b.name));
  const found: NamedFile[] = [];
  for (const each of inside) found.push(...(await within(each)));
  return found;
}

/** As people count: page-2 before page-10. */
function byPath(a: string, b: string): number {
  return a.localeCompare(b, undefined, { numeric: true });
}
