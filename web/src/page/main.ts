/** The page: takes pictures in, has them counted one after the other, shows what came of it. */
import { createDetector, DetectorError } from '../lib/index.js';
import { element, figures, say } from './dom.js';
import { listen, type NamedFile } from './intake.js';
import { PictureList } from './list.js';
import { mayRetry, type Picture, type State, sum } from './pictures.js';
import { texts } from './texts.js';
import { Viewer } from './viewer.js';

// Long enough to choose the next picture in: starting the worker anew would only make that one slower.
const detector = createDetector({ idleMs: 120_000 });
const viewer = new Viewer();
const list = new PictureList(show);
let pictures: Picture[] = [];
let shown: Picture | undefined;
let ids = 0;
/** Ends everything that is being counted or waits for it. */
let stopper = new AbortController();

listen(add, () => say('strip', texts.notAFile));
element('clear').addEventListener('click', clear);
element('stop').addEventListener('click', stop);
element('retry').addEventListener('click', () => {
  if (!shown) return;
  void count(shown);
  show(shown);
});
element('readiness').classList.remove('unstarted');
// Ready before the first picture is chosen.
detector.load({ onProgress: (progress) => say('readiness', texts.progress(progress)) }).then(
  () => say('readiness', texts.ready),
  (error) => say('readiness', error.code === 'no_wasm' ? texts.failure('no_wasm', '') : texts.loadFailed),
);

function add(files: NamedFile[]): void {
  const added = files.map(
    ({ name, file }): Picture => ({
      id: ids++,
      name,
      file,
      state: { kind: 'working', progress: { phase: 'waiting' } },
    }),
  );
  pictures.push(...added);
  for (const picture of added) {
    list.add(picture);
    void count(picture);
  }
  const focusInWelcome = element('welcome').contains(document.activeElement);
  element('welcome').hidden = true;
  element('work').hidden = element('actions').hidden = false;
  element('pictures').hidden = pictures.length < 2;
  show(added[0]);
  // The button that had the focus is gone.
  if (focusInWelcome) element('desk').focus({ preventScroll: true });
}

async function count(picture: Picture): Promise<void> {
  const { signal } = stopper;
  const become = (state: State) => {
    picture.state = state;
    if (pictures.includes(picture)) update(picture);
  };
  try {
    const onProgress = (progress: Extract<State, { kind: 'working' }>['progress']) =>
      become({ kind: 'working', progress });
    become({ kind: 'working', progress: { phase: 'waiting' } });
    const result = await detector.detect(picture.file, { signal, onProgress });
    become({ kind: 'done', result });
    const { filled_checkbox: filled, empty_checkbox: empty } = result.counts;
    say('news', texts.news(picture.name, filled, empty));
  } catch (error) {
    const { code, message } = error instanceof DetectorError ? error : new DetectorError('internal', String(error));
    become({ kind: 'failed', code, detail: message });
  }
}

function stop(): void {
  stopper.abort();
  stopper = new AbortController();
}

function clear(): void {
  pictures = [];
  stop();
  list.clear();
  shown = undefined;
  viewer.clear();
  say('strip', '');
  say('news', '');
  element('work').hidden = element('actions').hidden = true;
  element('welcome').hidden = false;
  element('choose').focus();
}

/** Brings a picture into the viewer. */
function show(picture: Picture | undefined): void {
  shown = picture;
  list.select(picture);
  if (!picture) return;
  say('name', picture.name);
  say('size', '');
  viewer.show(picture.file);
  update(picture);
}

/** Brings the page up to date after a picture's state has changed. */
function update(picture: Picture): void {
  list.update(picture);
  const total = sum(pictures);
  say('sum', texts.sum(total));
  element('sum-figures').replaceChildren(figures(total.filled, total.empty, texts.counts(total.filled, total.empty)));
  const failures = pictures.filter(({ state }) => state.kind === 'failed' && state.code !== 'cancelled');
  const elsewhere = failures.filter((failure) => failure !== shown);
  say('strip', elsewhere.length > 0 ? texts.failures(elsewhere.map(({ name }) => name)) : '');
  if (picture === shown) updateShown(picture);
}

function updateShown({ state, file }: Picture): void {
  const working = state.kind === 'working';
  element('progress').hidden = !working;
  if (working) {
    say('progress-words', texts.progress(state.progress));
    const bar = element('progress-bar', HTMLProgressElement);
    const { progress } = state;
    if (progress.phase === 'loading' && progress.total) bar.value = progress.loaded / progress.total;
    else bar.removeAttribute('value');
  }

  const counts = state.kind === 'done' ? state.result.counts : undefined;
  element('counts').classList.toggle('blank', !counts);
  say('filled-count', String(counts?.filled_checkbox ?? '–'));
  say('empty-count', String(counts?.empty_checkbox ?? '–'));
  say('total-count', String(state.kind === 'done' ? state.result.total : '–'));
  say('whose', state.kind === 'done' && state.result.total === 0 ? texts.nothing : '');
  if (state.kind === 'done') {
    say('size', texts.size(state.result.image.width, state.result.image.height));
    void viewer.mark(state.result, async () => {
      const png = await detector.annotate(file, { format: 'png' });
      return new Blob([png as BlobPart], { type: 'image/png' });
    });
  }

  element('failure').hidden = state.kind !== 'failed';
  if (state.kind === 'failed') {
    const words = texts.failure(state.code, state.detail);
    say('failure-words', words);
    // What the detector said itself is in the words already.
    say('failure-detail', words.toLowerCase().startsWith(state.detail.toLowerCase()) ? '' : state.detail);
    element('retry').hidden = !mayRetry(state.code);
  } else {
    say('failure-words', '');
  }
}
