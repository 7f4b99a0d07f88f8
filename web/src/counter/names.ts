/** Names of the files that go out. Pure functions. */

/** A name without its extension, safe on every system. */
export function stem(name: string): string {
  const bare = name.replace(/^.*[/\\]/, '').replace(/(?<=.)\.[^.]{1,5}$/, '');
  const safe = bare.replace(/[\p{Cc}<>:"/\\|?*]+/gu, '-').replace(/^[. ]+|[. ]+$/g, '');
  return safe.slice(0, 100) || 'page';
}

/** The annotated picture of a page: `form-boxes.png`, or `form-page-03-boxes.png` of several. */
export function pictureName({ file, number, of }: { file: string; number: number; of: number }): string {
  const page = of > 1 ? `-page-${String(number).padStart(String(of).length, '0')}` : '';
  return `${stem(file)}${page}-boxes.png`;
}

/** What holds the pages of these files: `form-checkboxes.csv` of one, `checkboxes-2026-11-21.csv` of several. */
export function collectionName(files: readonly string[], extension: string, today: Date): string {
  const [first, ...more] = new Set(files);
  if (first !== undefined && more.length === 0) return `${stem(first)}-checkboxes${extension}`;
  // The day where the person is, not in Greenwich.
  const [year, month, day] = [today.getFullYear(), today.getMonth() + 1, today.getDate()];
  return `checkboxes-${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}${extension}`;
}

/** Gives each name back as it is the first time, then with a number before its extension. */
export function unique(): (name: string) => string {
  const taken = new Set<string>();
  return (name) => {
    let free = name;
    // Systems that do not tell small letters from large would overwrite one with the other.
    for (let serial = 2; taken.has(free.toLowerCase()); serial++) free = name.replace(/(\.\w+)?$/, `-${serial}$1`);
    taken.add(free.toLowerCase());
    return free;
  };
}
