// The trials of a run as a table that stays usable with thousands of rows: only those in
// view are in the document.
import {digitsApart, element, number, spark} from './live_format.js';

const ROW_PIXELS = 30;
const SPARE_ROWS = 10;
const ENDS = ['completed', 'pruned', 'diverged', 'failed', 'stopped by hand'];
export const STATES = ['running', 'paused', ...ENDS];

export class TrialTable {
  constructor(open) {
    this.open = open;
    this.trials = new Map();
    this.shown = [];
    this.sort = {key: 'trial', down: false};
    this.states = new Set();
    this.text = '';
    this.grid = document.getElementById('grid');
    this.body = document.getElementById('rows');
    this.grid.addEventListener('scroll', () => this.later());
    document.getElementById('search').addEventListener('input', event => {
      this.text = event.target.value.toLowerCase();
      this.arrange();
    });
  }

  /** `about`: the columns of a row, and the names of the parameters. */
  begin(about) {
    this.about = about;
    this.trials.clear();
    const parameters = about.parameters.map((name, place) => ({
      key: `setting ${place}`,
      title: name,
      of: trial => trial.setting[place],
    }));
    this.columns = [
      {key: 'trial', title: 'trial', text: true},
      {key: 'phase', title: 'phase', text: true, wide: true},
      {key: 'status', title: 'status', text: true},
      {key: 'epoch', title: 'epoch'},
      {key: 'value', title: about.metric},
      {key: 'curve', title: 'by epoch', text: true},
      ...parameters,
      {key: 'seconds', title: 'seconds'},
      {key: 'attempt', title: 'attempt', wide: true},
    ];
    const heads = this.columns.map(column =>
      element(
        'th',
        {scope: 'col', class: kind(column), 'data-key': column.key},
        element('button', {type: 'button', onclick: () => this.order(column.key)}, column.title),
      ),
    );
    document.getElementById('columns').replaceChildren(...heads);
    this.buttons = STATES.map(state =>
      element(
        'button',
        {
          type: 'button',
          class: state,
          'aria-pressed': 'false',
          'data-state': state,
          onclick: () => this.only(state),
        },
        state,
      ),
    );
    document
      .getElementById('states')
      .replaceChildren(...this.buttons.flatMap(button => [button, ' ']));
  }

  /** Rows that are new or changed, each a list of values in the order of the columns. */
  take(rows) {
    for (const row of rows) {
      const trial = Object.fromEntries(this.about.columns.map((name, place) => [name, row[place]]));
      this.trials.set(trial.trial, trial);
    }
    this.arrange();
  }

  order(key) {
    const down =
      this.sort.key === key ? !this.sort.down : key === 'value' && this.about.mode === 'max';
    this.sort = {key, down};
    this.arrange();
  }

  only(state) {
    if (!this.states.delete(state)) this.states.add(state);
    for (const button of this.buttons)
      button.setAttribute('aria-pressed', String(this.states.has(button.dataset.state)));
    this.arrange();
  }

  get(trial, key) {
    if (key.startsWith('setting ')) return trial.setting[Number(key.slice(8))];
    return key === 'curve' ? trial.curve.length : trial[key];
  }

  words(trial) {
    const pairs = this.about.parameters.map((name, place) => `${name}=${trial.setting[place]}`);
    return `${trial.trial} ${pairs.join(' ')}`;
  }

  arrange() {
    const passes = trial =>
      (!this.states.size || this.states.has(trial.status)) &&
      (!this.text || this.words(trial).toLowerCase().includes(this.text));
    this.digits = digitsApart([...this.trials.values()].map(trial => trial.value));
    const {key, down} = this.sort;
    const keyed = [...this.trials.values()]
      .filter(passes)
      .map(trial => [this.get(trial, key), trial]);
    this.shown = keyed
      .sort(
        (one, other) => compare(one[0], other[0], down) || (one[1].trial < other[1].trial ? -1 : 1),
      )
      .map(pair => pair[1]);
    for (const head of document.querySelectorAll('#columns th')) {
      head.setAttribute(
        'aria-sort',
        head.dataset.key === key ? (down ? 'descending' : 'ascending') : 'none',
      );
    }
    const all = this.trials.size;
    document.getElementById('shown').textContent =
      this.shown.length === all ? `${all} begun` : `${this.shown.length} of ${all} begun`;
    this.later();
  }

  later() {
    if (!this.waiting)
      this.waiting = requestAnimationFrame(() => {
        this.waiting = null;
        this.draw();
      });
  }

  draw() {
    const first = Math.max(
      0,
      Math.min(Math.floor(this.grid.scrollTop / ROW_PIXELS) - SPARE_ROWS, this.shown.length - 1),
    );
    const rows = Math.ceil((this.grid.clientHeight || 500) / ROW_PIXELS) + 2 * SPARE_ROWS;
    const part = this.shown.slice(first, first + rows);
    const pad = count =>
      element(
        'tr',
        {'aria-hidden': 'true', style: `height:${count * ROW_PIXELS}px`},
        element('td', {class: 'pad', colspan: this.columns.length}),
      );
    const focused = document.activeElement?.dataset?.trial;
    this.body.replaceChildren(
      pad(first),
      ...part.map(trial => this.row(trial)),
      pad(this.shown.length - first - part.length),
    );
    if (focused)
      this.body
        .querySelector(`button[data-trial="${CSS.escape(focused)}"]`)
        ?.focus({preventScroll: true});
  }

  row(trial) {
    const cells = this.columns.map(column =>
      element('td', {class: kind(column)}, this.cell(trial, column)),
    );
    return element('tr', {class: trial.status, 'data-trial': trial.trial}, ...cells);
  }

  cell(trial, column) {
    if (column.of) return column.of(trial);
    if (column.key === 'trial') {
      return element(
        'button',
        {type: 'button', 'data-trial': trial.trial, onclick: () => this.open(trial.trial)},
        trial.trial,
      );
    }
    if (column.key === 'status')
      return element('span', {class: 'status'}, element('i'), trial.status);
    if (column.key === 'curve') return spark(trial.curve);
    const value = trial[column.key];
    const digits = column.key === 'value' ? this.digits.get(value) : undefined;
    return typeof value === 'number' ? number(value, digits) : (value ?? '\u2013');
  }
}

/** Its classes: a narrow window is without the columns that are for a wide one. */
function kind(column) {
  return [column.text && 'text', column.wide && 'wide'].filter(Boolean).join(' ') || null;
}

/** Numbers by size, also where they are written as text; what is missing comes last either way. */
function compare(one, other, down) {
  const gone = value => value === null || value === undefined || value === '';
  if (gone(one) || gone(other)) return gone(one) - gone(other);
  const [a, b] = [Number(one), Number(other)];
  const order =
    Number.isNaN(a) || Number.isNaN(b) ? String(one).localeCompare(String(other)) : a - b;
  return down ? -order : order;
}
