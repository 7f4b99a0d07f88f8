/** The component's elements. Whatever stands in it comes from the texts, none of it from files that are counted. */
import type { Texts } from './texts.js';

const icon = (path: string) => `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}" /></svg>`;
const ICONS = {
  lock: 'M4.5 7V5a3.5 3.5 0 0 1 7 0v2M3.5 7h9v6.5h-9z',
  minus: 'M3 8h10',
  plus: 'M3 8h10M8 3v10',
  undo: 'M6 3 3 6l3 3M3 6h6a3.5 3.5 0 0 1 0 7H6',
  redo: 'm10 3 3 3-3 3M13 6H7a3.5 3.5 0 0 0 0 7h3',
  draw: 'M2.5 5V2.5H5M11 2.5h2.5V5M13.5 11v2.5H11M5 13.5H2.5V11M8 5.5v5M5.5 8h5',
  keys: 'M1.5 4.5h13v7h-13zM4 7h.01M6.7 7h.01M9.3 7h.01M12 7h.01M5 9.3h6',
};
const mark = (kind: 'filled' | 'empty') =>
  `<svg class="mark ${kind}" aria-hidden="true"><use href="#${kind}-mark" /></svg>`;
const tool = (id: string, label: string, path: string, rest = '') =>
  `<button type="button" class="tool" id="${id}" aria-label="${label}" title="${label}" ${rest}>${icon(path)}</button>`;

export function template(t: Texts): string {
  return `
<svg class="symbols" aria-hidden="true">
  <symbol id="empty-mark" viewBox="0 0 24 24"><rect x="3" y="3" width="18" height="18" rx="6" /></symbol>
  <symbol id="filled-mark" viewBox="0 0 24 24">
    <rect x="2" y="6" width="16" height="16" /><circle cx="18" cy="6" r="6" /><path d="m15.4 6.1 1.9 1.9 3.4-3.7" />
  </symbol>
</svg>

<div class="bar">
  <slot name="heading"></slot>
  <p class="privacy">${icon(ICONS.lock)}<span>${t.privacy}</span></p>
  <div class="actions" id="actions" hidden>
    <button type="button" class="quiet" id="clear">${t.startOver}</button>
    <button type="button" class="primary" id="add">${t.addFiles}</button>
  </div>
</div>

<p class="unseen" role="status" id="news"></p>
<div class="strip" role="alert" id="strip"></div>
<div class="strip calm" id="update" hidden><span>${t.update}</span> <button type="button" class="quiet" id="reload">${t.reload}</button></div>

<section class="welcome" id="welcome" aria-labelledby="welcome-title">
  <svg class="sheet" viewBox="0 0 176 132" aria-hidden="true">
    <rect class="page" x="28" y="4" width="120" height="124" rx="8" />
    <path class="text" d="M46 24h52M70 48h58M70 74h44M70 100h52" />
    <path class="ink" d="m47 74 4.5 5 8-11" />
    <rect class="printed" x="46" y="42" width="12" height="12" />
    <rect class="printed" x="46" y="68" width="12" height="12" />
    <rect class="printed" x="46" y="94" width="12" height="12" />
    <rect class="empty" x="42.5" y="38.5" width="19" height="19" rx="6" />
    <rect class="filled" x="42.5" y="64.5" width="19" height="19" />
    <circle class="badge" cx="61.5" cy="64.5" r="6" />
    <path class="badge-tick" d="m58.8 64.6 2 2 3.4-3.8" />
    <rect class="empty" x="42.5" y="90.5" width="19" height="19" rx="6" />
  </svg>
  <h2 id="welcome-title">${t.question}</h2>
  <p class="lead" id="invitation">${t.invitation}</p>
  <div class="choices">
    <button type="button" class="primary large" id="choose">${t.choose}</button>
    <button type="button" class="quiet large" id="choose-folder">${t.chooseFolder}</button>
    <button type="button" class="quiet large" id="take-photo">${t.takePhoto}</button>
  </div>
  <p class="samples" id="samples" hidden>
    <span>${t.samples}</span>
    <button type="button" class="link" data-sample="form.png">${t.sampleNames.form}</button>
    <button type="button" class="link" data-sample="survey.jpg">${t.sampleNames.survey}</button>
    <button type="button" class="link" data-sample="fillable.pdf">${t.sampleNames.pdf}</button>
  </p>
  <p class="legend"><span>${mark('empty')} ${t.empty}</span> <span>${mark('filled')} ${t.filled}</span></p>
  <p class="small">${t.formats}</p>
  <p class="small" id="readiness" role="status"></p>
</section>

<div class="work" id="work" hidden>
  <section class="counts" aria-label="${t.counts}" id="counts">
    <div class="numbers">
      <p class="number filled">${mark('filled')}<strong id="filled-count">–</strong> <span>${t.filled}</span></p>
      <p class="number empty">${mark('empty')}<strong id="empty-count">–</strong> <span>${t.empty}</span></p>
      <p class="number total"><strong id="total-count">–</strong> <span>${t.inAll}</span></p>
    </div>
    <p class="small" id="whose"></p>
    <p class="small" id="corrected"></p>
    <div class="doubts" id="doubts" hidden>
      <span class="doubt-mark" aria-hidden="true">?</span><span id="uncertain-words"></span>
      <button type="button" class="link" id="next-uncertain">${t.nextUncertain}</button>
    </div>
    <div class="threshold">
      <label for="threshold">${t.threshold}</label>
      <output id="threshold-value" for="threshold"></output>
      <button type="button" class="link" id="threshold-reset" hidden>${t.thresholdReset}</button>
      <input type="range" id="threshold" min="0.1" max="0.95" step="0.01">
    </div>
  </section>

  <section class="viewer" id="viewer" aria-label="${t.viewer}">
    <div class="toolbar">
      <p class="name"><strong id="name"></strong> <span id="number"></span> <span id="size" dir="ltr"></span></p>
      <fieldset class="views" aria-label="${t.view}">
        <button type="button" data-view="picture" aria-pressed="true">${t.pictureView}</button>
        <button type="button" data-view="boxes" aria-pressed="false">${t.boxesView}</button>
        <button type="button" data-view="pages" aria-pressed="false">${t.pagesView}</button>
      </fieldset>
      <div class="tools">
        ${tool('undo', t.undo, ICONS.undo, 'aria-keyshortcuts="Control+Z" aria-disabled="true"')}
        ${tool('redo', t.redo, ICONS.redo, 'aria-keyshortcuts="Control+Y" aria-disabled="true"')}
        ${tool('draw', t.draw, ICONS.draw, 'aria-keyshortcuts="D" aria-pressed="false"')}
        <span class="gap"></span>
        ${tool('zoom-out', t.zoomOut, ICONS.minus, 'aria-keyshortcuts="-"')}
        <button type="button" class="tool wide" id="zoom-fit" title="${t.zoomFit}" aria-keyshortcuts="0"></button>
        ${tool('zoom-in', t.zoomIn, ICONS.plus, 'aria-keyshortcuts="+"')}
        <button type="button" class="tool" id="boxes" aria-label="${t.showBoxes}" title="${t.showBoxes}" aria-pressed="true">${mark('empty')}</button>
        ${tool('keys', t.keys, ICONS.keys)}
      </div>
    </div>
    <div class="progress" id="progress" hidden>
      <progress id="progress-bar" aria-labelledby="progress-words"></progress>
      <span id="progress-words"></span>
      <button type="button" class="quiet" id="stop">${t.stop}</button>
    </div>
    <div class="desk" id="desk" tabindex="0" role="group" aria-label="${t.desk}">
      <div class="stage" id="stage"></div>
    </div>
    <div class="selection" id="selection" hidden>
      <p role="status" id="selection-words"></p>
      <div>
        <button type="button" class="quiet" id="selection-flip" aria-keyshortcuts="Space">${t.flip}</button>
        <button type="button" class="quiet" id="selection-remove" aria-keyshortcuts="Delete">${t.remove}</button>
        <button type="button" class="quiet" id="selection-keep" aria-keyshortcuts="Enter">${t.keep}</button>
      </div>
    </div>
    <div class="tables" id="tables" tabindex="0" role="group" aria-label="${t.pagesView}" hidden></div>
    <p class="note" id="note" hidden></p>
    <div class="failure" id="failure" role="alert" hidden>
      <p id="failure-words"></p>
      <p class="small" id="failure-detail" lang="en"></p>
      <button type="button" class="quiet" id="retry">${t.retry}</button>
    </div>
  </section>

  <section class="pages" id="pages" aria-label="${t.pages}" hidden>
    <div class="overall" id="overall" hidden>
      <progress id="overall-bar" aria-labelledby="sum"></progress>
      <button type="button" class="quiet" id="stop-all">${t.stopAll}</button>
    </div>
    <ol id="list"></ol>
    <p class="sum"><span id="sum"></span> <span class="row-state" id="sum-figures"></span></p>
  </section>

  <section class="out" aria-label="${t.takeAway}">
    <div class="outs">
      <button type="button" class="quiet" id="copy">${t.copy}</button>
      <button type="button" class="quiet" id="csv-counts">${t.csvCounts}</button>
      <button type="button" class="quiet" id="csv-boxes">${t.csvBoxes}</button>
      <button type="button" class="quiet" id="json">${t.json}</button>
      <button type="button" class="quiet" id="png">${t.png}</button>
      <button type="button" class="quiet" id="zip">${t.zip}</button>
      <button type="button" class="quiet" id="print">${t.print}</button>
    </div>
    <p class="small" role="status" id="out-words"></p>
  </section>
</div>

<div class="dropping" id="dropping" aria-hidden="true"><p>${t.dropping}</p></div>
<input type="file" id="file" multiple accept="image/*,.tif,.tiff,.bmp,.heic,.heif,application/pdf,.pdf" hidden>
<input type="file" id="folder" webkitdirectory hidden>
<input type="file" id="camera" accept="image/*" capture="environment" hidden>
<dialog id="help" aria-labelledby="help-title">
  <h2 id="help-title">${t.keysTitle}</h2>
  <dl>${t.keyList.map(([keys, what]) => `<div><dt>${keys}</dt><dd>${what}</dd></div>`).join('')}</dl>
  <form method="dialog"><button class="primary">${t.close}</button></form>
</dialog>`;
}
