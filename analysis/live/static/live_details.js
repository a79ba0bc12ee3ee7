// One trial in full, in a dialog.
import {digitsApart, element, number} from './live_format.js';
import {stopButton} from './live_steering.js';

export class TrialDetails {
  constructor() {
    this.dialog = document.getElementById('details');
    this.trial = null;
    this.dialog.addEventListener('close', () => {
      this.trial = null;
      history.replaceState(null, '', location.pathname);
    });
  }

  async open(trial) {
    this.trial = trial;
    history.replaceState(null, '', `#trial=${encodeURIComponent(trial)}`);
    await this.load();
    if (!this.dialog.open) this.dialog.showModal();
  }

  /** Shows the trial again if it is one of those that changed, at most once a second. */
  changed(trials) {
    if (!this.trial || !trials.has(this.trial) || this.waiting) return;
    this.waiting = setTimeout(() => {
      this.waiting = null;
      if (this.trial) this.load();
    }, 1000);
  }

  async load() {
    const trial = this.trial;
    const answer = await fetch(`/trials/${encodeURIComponent(trial)}`).catch(() => null);
    if (answer?.ok && trial === this.trial) this.show(await answer.json());
  }

  show(found) {
    const kept = [...this.dialog.querySelectorAll('pre, .scroll')].map(part => [
      part.dataset.part,
      part.scrollTop,
    ]);
    const close = element('button', {type: 'button', onclick: () => this.dialog.close()}, 'Close');
    const stop = stopButton(found.trial, found.status);
    const about = [
      ['status', found.status],
      ['attempt', found.attempt],
      ['number of seeds', found.seeds],
      ...found.setting,
      [
        'node',
        found.where.ip ? `${found.where.ip} (${String(found.where.node).slice(0, 8)})` : null,
      ],
      ['process', found.where.pid],
    ];
    const facts = about
      .filter(pair => pair[1] !== null && pair[1] !== undefined)
      .flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, String(value))]);
    const parts = [
      element('header', {}, element('h2', {}, `Trial ${found.trial}`), ...stop, close),
      element('dl', {}, ...facts),
    ];
    if (found.error) parts.push(...text('Error', found.error));
    if (found.log) parts.push(...text('Log', found.log));
    for (const log of found.process) parts.push(...text(`Process: ${log.name}`, log.text));
    if (!found.log && !found.process.length)
      parts.push(element('p', {class: 'soft'}, 'It printed nothing.'));
    if (found.rows.length) parts.push(...epochs(found));
    this.dialog.replaceChildren(...parts);
    for (const [part, top] of kept) {
      const again = this.dialog.querySelector(`[data-part="${CSS.escape(part)}"]`);
      if (again) again.scrollTop = top;
    }
  }
}

function text(title, content) {
  return [element('h3', {}, title), element('pre', {'data-part': title, tabindex: '0'}, content)];
}

/** The epochs, the last one first. */
function epochs(found) {
  const head = element(
    'thead',
    {},
    element('tr', {}, ...found.names.map(name => element('th', {scope: 'col'}, name))),
  );
  const digits = found.names.map((_, place) =>
    digitsApart(
      found.rows.map(row => row[place]),
      6,
    ),
  );
  const rows = found.rows
    .slice()
    .reverse()
    .map(row =>
      element(
        'tr',
        {},
        ...row.map((value, place) => element('td', {}, number(value, digits[place].get(value)))),
      ),
    );
  const note = found.left_out ? ` (the last ${found.rows.length})` : '';
  return [
    element('h3', {}, `Epochs${note}, the last one first`),
    element(
      'div',
      {class: 'scroll', 'data-part': 'epochs', tabindex: '0'},
      element('table', {}, head, element('tbody', {}, ...rows)),
    ),
  ];
}
