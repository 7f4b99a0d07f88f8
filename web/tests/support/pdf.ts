/** PDF files written by hand, as far as the samples and the tests need them: text and the checkboxes of fillable forms. */

export interface PdfPage {
  /** Places in points from the lower left corner, as PDF counts. */
  texts: { x: number; y: number; size: number; text: string }[];
  boxes: { x: number; y: number; size: number; filled: boolean }[];
}

/** A4, Helvetica, which no PDF file needs to bring; ticks are the appearance of the form's fields, not part of the page. */
export function pdf(pages: readonly PdfPage[]): Buffer {
  const objects: string[] = [];
  const add = (content: string) => objects.push(content);
  const stream = (dictionary: string, content: string) =>
    `<<${dictionary}/Length ${Buffer.byteLength(content, 'latin1')}>>stream\n${content}\nendstream`;
  // Numbers 1 to 3, then those of the pages as they come.
  add('');
  add('');
  add('<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>');
  const kids: number[] = [];
  const fields: number[] = [];
  for (const { texts, boxes } of pages) {
    const annotations = boxes.map(({ x, y, size, filled }, index) => {
      const frame = `1 w 0.5 0.5 ${size - 1} ${size - 1} re S`;
      const [a, b] = [0.22 * size, 0.78 * size];
      const tick = `1.6 w ${a} ${0.5 * size} m ${0.42 * size} ${0.25 * size} l ${b} ${0.8 * size} l S`;
      const form = `/Type/XObject/Subtype/Form/BBox[0 0 ${size} ${size}]`;
      const off = add(stream(form, frame));
      const on = add(stream(form, `${frame} ${tick}`));
      const field = add(
        `<</Type/Annot/Subtype/Widget/FT/Btn/F 4/T(box${kids.length}-${index})/Rect[${x} ${y} ${x + size} ${y + size}]` +
          `/V/${filled ? 'On' : 'Off'}/AS/${filled ? 'On' : 'Off'}/AP<</N<</Off ${off} 0 R/On ${on} 0 R>>>>>>`,
      );
      fields.push(field);
      return field;
    });
    const content = texts.map(({ x, y, size, text }) => `BT /F ${size} Tf ${x} ${y} Td (${escaped(text)}) Tj ET`);
    const contents = add(stream('', content.join('\n')));
    kids.push(
      add(
        `<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents ${contents} 0 R` +
          `/Annots[${references(annotations)}]>>`,
      ),
    );
  }
  objects[0] = `<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[${references(fields)}]>>>>`;
  objects[1] = `<</Type/Pages/Count ${kids.length}/Kids[${references(kids)}]>>`;

  let file = '%PDF-1.7\n';
  const offsets = objects.map((content, index) => {
    const offset = file.length;
    file += `${index + 1} 0 obj\n${content}\nendobj\n`;
    return `${String(offset).padStart(10, '0')} 00000 n \n`;
  });
  const start = file.length;
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join('')}`;
  file += `trailer\n<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${start}\n%%EOF\n`;
  return Buffer.from(file, 'latin1');
}

const references = (numbers: readonly number[]) => numbers.map((number) => `${number} 0 R`).join(' ');
const escaped = (text: string) => text.replace(/[\\()]/g, '\\$&');
