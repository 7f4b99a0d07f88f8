/** The ways in: drop anywhere, paste, the file picker. */
import { element } from './dom.js';
import { texts } from './texts.js';

export interface NamedFile {
  name: string;
  file: Blob;
}

let pasted = 0;

/**
 * @param onFiles called with what came in, never with an empty list
 * @param onNothing called when something was dropped or pasted that holds no file
 */
export function listen(onFiles: (files: NamedFile[]) => void, onNothing: () => void): void {
  const take = (files: NamedFile[]) => (files.length > 0 ? onFiles(files) : onNothing());
  const named = (files: FileList) => [...files].map((file) => ({ name: file.name, file }));

  const picker = element('file', HTMLInputElement);
  picker.addEventListener('change', () => {
    if (picker.files?.length) take(named(picker.files));
    // Choosing the same file again is to count as a change.
    picker.value = '';
  });
  for (const id of ['choose', 'add']) element(id).addEventListener('click', () => picker.click());

  addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    // A picture that was copied from a page or a program has no name of its own; every browser calls it image.png.
    const nameOf = ({ name }: File) => (/^image\.\w+$/.test(name) || !name ? texts.pasted(++pasted) : name);
    take(files.map((file) => ({ name: nameOf(file), file })));
  });

  // dragenter and dragleave also fire for every element that is crossed; only the outermost ones count.
  let depth = 0;
  const show = (visible: boolean) => element('dropping').classList.toggle('visible', visible);
  addEventListener('dragenter', (event) => {
    event.preventDefault();
    depth += 1;
    show(true);
  });
  addEventListener('dragleave', () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) show(false);
  });
  addEventListener('dragover', (event) => {
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy';
  });
  addEventListener('drop', (event) => {
    event.preventDefault();
    depth = 0;
    show(false);
    take(event.dataTransfer ? named(event.dataTransfer.files) : []);
  });
}
