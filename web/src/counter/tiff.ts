/**
 * The pages of a TIFF file as files of one page each. The detector reads the first page of a TIFF, and which one that is the
 * header says: so each page is the same file with another header, and nothing is decoded or copied here.
 */

/** Damaged files may point in circles. */
const MOST_PAGES = 10_000;

interface Layout {
  little: boolean;
  /** BigTIFF has offsets of 8 bytes. */
  big: boolean;
  /** Length of the header, whose end holds the offset of the first directory. */
  header: number;
}

/** @returns one Blob a page; the file itself where it is no TIFF, is damaged, or has a single page */
export async function tiffPages(file: Blob): Promise<Blob[]> {
  const head = new DataView(await file.slice(0, 16).arrayBuffer());
  const layout = layoutOf(head);
  if (!layout) return [file];
  const pages: number[] = [];
  const seen = new Set<number>();
  let offset = layout.big ? Number(head.getBigUint64(8, layout.little)) : head.getUint32(4, layout.little);
  while (offset > 0 && offset < file.size && !seen.has(offset) && seen.size < MOST_PAGES) {
    seen.add(offset);
    const directory = await readDirectory(file, offset, layout);
    if (!directory) break;
    if (directory.page) pages.push(offset);
    offset = directory.next;
  }
  if (pages.length < 2) return [file];
  return pages.map((page) => {
    const header = new DataView(head.buffer.slice(0, layout.header));
    if (layout.big) header.setBigUint64(8, BigInt(page), layout.little);
    else header.setUint32(4, page, layout.little);
    return new Blob([header.buffer, file.slice(layout.header)], { type: 'image/tiff' });
  });
}

function layoutOf(head: DataView): Layout | undefined {
  if (head.byteLength < 16) return undefined;
  const order = head.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const little = order === 0x4949;
  const version = head.getUint16(2, little);
  if (version === 42) return { little, big: false, header: 8 };
  return version === 43 ? { little, big: true, header: 16 } : undefined;
}

/** Where the next directory is, and whether this one is a page: not a reduced copy of one, and not its mask. */
async function readDirectory(
  file: Blob,
  offset: number,
  { little, big }: Layout,
): Promise<{ next: number; page: boolean } | undefined> {
  const [countBytes, entryBytes, offsetBytes] = big ? [8, 20, 8] : [2, 12, 4];
  const start = new DataView(await file.slice(offset, offset + countBytes).arrayBuffer());
  if (start.byteLength < countBytes) return undefined;
  const count = big ? Number(start.getBigUint64(0, little)) : start.getUint16(0, little);
  const length = count * entryBytes + offsetBytes;
  if (length > 1_000_000) return undefined;
  const body = new DataView(await file.slice(offset + countBytes, offset + countBytes + length).arrayBuffer());
  if (body.byteLength < length) return undefined;
  let page = true;
  for (let entry = 0; entry < count * entryBytes; entry += entryBytes) {
    const tag = body.getUint16(entry, little);
    // NewSubfileType: bit 0 reduced, bit 2 mask. One LONG, which lies in the entry itself.
    if (tag === 254 && (body.getUint32(entry + (big ? 12 : 8), little) & 0b101) !== 0) page = false;
  }
  const at = count * entryBytes;
  return { page, next: big ? Number(body.getBigUint64(at, little)) : body.getUint32(at, little) };
}
