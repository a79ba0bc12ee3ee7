// The runs of a folder as a table: filtered, sorted, two ticked to be compared. It asks again
// every few seconds, and takes what has changed.
import {duration, element, spark} from './live_format.js';

const SECONDS = 3;
const STEP = 200;
const STATES = ['running', 'complete', 'interrupted', 'damaged'];
const at = id => document.getElementById(id);

const whole = amount => amount.toLocaleString('en');
const ENDS = ['completed', 'pruned', 'diverged', 'failed', 'stopped by hand'];
const ended = row => ENDS.reduce((sum, name) => sum + row[name], 0);
const isDamaged = row => 'problem' in row;

function trials(row) {
  if (isDamaged(row)) return '';
  const lost = ['diverged', 'failed'].filter(name => row[name]).map(name => `${row[name]} ${name}`);
  return [`${ended(row)} of ${row.planned}`, ...lost].join(', ');
}

function best(row) {
  if (isDamaged(row)) return row.problem;
  if (!row.best_text) return '';
  const kind = row.best_kind === 'mean' ? '' : ` (${row.best_kind})`;
  return `${row.metric} ${row.best_text}${kind}`;
}

const COLUMNS = [
  {key: 'tick', title: ''},
  {key: 'run', title: 'run', of: row => row.run},
  {key: 'state', title: 'state', of: row => row.state},
  {key: 'started', title: 'started', width: 'middle', of: row => row.started ?? ''},
  {key: 'trials', title: 'trials', width: 'middle', of: row => (isDamaged(row) ? -1 : ended(row))},
  {key: 'best', title: 'best', of: row => row.best},
  {key: 'curve', title: 'by epoch', width: 'wide'},
  {key: 'hours', title: 'time', width: 'wide', right: true, of: row => row.hours},
  {key: 'tags', title: 'tags', width: 'wide', of: row => (row.tags ?? []).join(' ')},
];

class Home {
  constructor() {
    this.rows = [];
    this.mark = '';
    this.ticked = new Set();
    this.states = new Set();
    this.sort = {key: 'started', down: true};
    this.most = STEP;
    at('search').addEventListener('input', () => this.begin());
    at('study').addEventListener('change', () => this.begin());
    at('more').addEventListener('click', () => {
      this.most += STEP;
      this.draw();
    });
    at('states').replaceChildren(...STATES.flatMap(state => [this.button(state), ' ']));
    at('columns').replaceChildren(...COLUMNS.map(column => this.head(column)));
  }

  button(state) {
    const press = event => {
      const on = !this.states.delete(state);
      if (on) this.states.add(state);
      event.currentTarget.setAttribute('aria-pressed', on);
      this.begin();
    };
    return element('button', {type: 'button', 'aria-pressed': 'false', onclick: press}, state);
  }

  head(column) {
    const sort = () => {
      const down = this.sort.key === column.key ? !this.sort.down : true;
      this.sort = {key: column.key, down};
      this.begin();
    };
    const title = column.of
      ? element('button', {type: 'button', onclick: sort}, column.title)
      : column.title;
    const kind = [column.width, column.right && 'number'].filter(Boolean).join(' ');
    return element('th', {scope: 'col', class: kind || null, 'data-key': column.key}, title);
  }

  /** Shows the first rows of what the filters leave. */
  begin() {
    this.most = STEP;
    this.draw();
  }

  wanted() {
    const text = at('search').value.toLowerCase();
    const study = at('study').value;
    const holds = row =>
      [row.run, row.question, row.note, ...(row.tags ?? [])]
        .join('\n')
        .toLowerCase()
        .includes(text);
    return this.rows.filter(
      row =>
        (!study || row.study === study) &&
        (!this.states.size || this.states.has(row.state)) &&
        (!text || holds(row)),
    );
  }

  ordered(rows) {
    const of = COLUMNS.find(column => column.key === this.sort.key).of;
    const sign = this.sort.down ? -1 : 1;
    const missing = value => value === null || value === undefined || value === '';
    return [...rows].sort((one, other) => {
      const [first, last] = [of(one), of(other)];
      if (missing(first) || missing(last)) return missing(first) - missing(last);
      return first < last ? -sign : first > last ? sign : 0;
    });
  }

  draw() {
    const rows = this.ordered(this.wanted());
    const focus = document.activeElement?.dataset?.focus;
    at('rows').replaceChildren(...rows.slice(0, this.most).map(row => this.line(row)));
    if (focus) document.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
    for (const head of at('columns').children) {
      const sorted = head.dataset.key === this.sort.key;
      head.ariaSort = sorted ? (this.sort.down ? 'descending' : 'ascending') : null;
    }
    const left = rows.length - this.most;
    at('more').hidden = left <= 0;
    at('more').textContent = `${Math.min(STEP, left)} more of ${whole(left)}`;
    const unread = this.unread() ? `, ${whole(this.unread())} not read yet` : '';
    at('shown').textContent = `${whole(rows.length)} of ${whole(this.rows.length)} runs${unread}`;
    this.drawCompare();
  }

  unread() {
    return this.rows.filter(row => row.state === 'unread').length;
  }

  line(row) {
    const link = element(
      'a',
      {
        href: `/open?run=${encodeURIComponent(row.run)}`,
        title: row.question,
        'data-focus': row.run,
      },
      ...row.run.split(/(?<=\/)/).flatMap(part => [part, element('wbr')]),
    );
    const cells = {
      tick: isDamaged(row) ? '' : this.tick(row),
      run: isDamaged(row) ? row.run : link,
      state: element('span', {class: `state ${row.state}`}, element('i'), row.state),
      started: (row.started ?? '').slice(0, 16).replace('T', ' '),
      trials: trials(row),
      best: best(row),
      curve: row.curve?.length > 1 ? spark(row.curve) : '',
      hours: row.hours === undefined ? '' : duration(3600 * row.hours),
      tags: element(
        'span',
        {},
        ...(row.tags ?? []).map(tag => element('span', {class: 'tag'}, tag)),
      ),
    };
    return element(
      'tr',
      {'data-run': row.run},
      ...COLUMNS.map(column => {
        const kind = [column.key, column.width, column.right && 'number'].filter(Boolean).join(' ');
        return element('td', {class: kind}, cells[column.key]);
      }),
    );
  }

  tick(row) {
    const change = event => {
      if (event.currentTarget.checked) this.ticked.add(row.run);
      else this.ticked.delete(row.run);
      this.drawCompare();
    };
    const box = element('input', {
      type: 'checkbox',
      'aria-label': `compare ${row.run}`,
      'data-focus': `tick ${row.run}`,
      onchange: change,
    });
    box.checked = this.ticked.has(row.run);
    return box;
  }

  drawCompare() {
    const runs = [...this.ticked].filter(run => this.rows.some(row => row.run === run));
    const link = at('compare');
    link.setAttribute('aria-disabled', runs.length < 2);
    link.textContent = runs.length < 2 ? 'Compare: tick two runs' : `Compare ${runs.length} runs`;
    if (runs.length < 2) link.removeAttribute('href');
    else link.href = `/compare?${runs.map(run => `run=${encodeURIComponent(run)}`).join('&')}`;
  }

  take({mark, rows}) {
    this.mark = mark;
    this.rows = rows;
    const chosen = at('study').value;
    const studies = [...new Set(rows.map(row => row.study))].sort();
    at('study').replaceChildren(
      element('option', {value: ''}, 'all studies'),
      ...studies.map(study => element('option', {value: study}, study)),
    );
    at('study').value = studies.includes(chosen) ? chosen : '';
    this.draw();
  }

  async ask() {
    const answer = await fetch(`/runs?mark=${this.mark}`);
    if (!answer.ok) throw new Error(await answer.text());
    if (answer.status === 200) this.take(await answer.json());
  }

  async follow() {
    try {
      if (!document.hidden) await this.ask();
      at('problem').hidden = true;
    } catch (error) {
      at('problem').textContent = `The list does not answer: ${error.message}`;
      at('problem').hidden = false;
    }
    setTimeout(() => this.follow(), this.unread() ? 0 : 1000 * SECONDS);
  }
}

new Home().follow();
