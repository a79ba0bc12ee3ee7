// Keeps the page of a run as its server tells: trials and state at once, sections as they are
// computed anew.
import {beginAdding, showAdding} from './live_adding.js';
import {TrialDetails} from './live_details.js';
import {duration, element, number} from './live_format.js';
import {takeSections} from './live_sections.js';
import {showSteering} from './live_steering.js';
import {STATES, TrialTable} from './live_trials.js';

const details = new TrialDetails();
const table = new TrialTable(trial => details.open(trial));
let about = null,
  state = null,
  connected = false,
  offset = 0;
const at = id => document.getElementById(id);

function connect() {
  const source = new EventSource('/events');
  const hears = (kind, take) =>
    source.addEventListener(kind, event => take(JSON.parse(event.data)));
  source.onopen = () => {
    connected = true;
  };
  source.onerror = () => {
    connected = false;
    showTime();
  };
  hears('hello', hello => {
    if (hello.run !== at('run').textContent) {
      source.close();
      location.reload();
      return;
    }
    about = hello;
    table.begin(hello);
    beginAdding(hello);
  });
  hears('trials', rows => {
    table.take(rows);
    details.changed(new Set(rows.map(row => row[0])));
    showCounts();
    showNodes();
  });
  hears('state', found => {
    state = found;
    showSteering(found);
    showAdding(found);
    offset = found.now - Date.now() / 1000;
    showState();
  });
  hears('sections', takeSections);
}

function counts() {
  const found = Object.fromEntries(STATES.map(name => [name, 0]));
  for (const trial of table.trials.values()) found[trial.status] = (found[trial.status] || 0) + 1;
  return found;
}

function showCounts() {
  const found = counts(),
    begun = table.trials.size,
    confirming = [...table.trials.values()].filter(trial => trial.phase === 'confirm').length;
  const planned = Math.max(
    begun,
    (state?.planned || 0) +
      (state?.running ? Math.max(confirming, state.confirmations) : confirming),
  );
  at('bar').replaceChildren(
    ...[...STATES.slice(2), 'paused', 'running'].map(name =>
      element('span', {
        class: name,
        style: `width:${(100 * found[name]) / Math.max(1, planned)}%`,
        title: `${found[name]} ${name}`,
      }),
    ),
  );
  const ended = begun - found.running - found.paused;
  const words = {running: state && !state.running ? 'cut off' : 'running', completed: 'completed'};
  at('counts').replaceChildren(
    element('b', {}, `${ended} of ${planned} trials`),
    ...STATES.filter(name => found[name]).map(name =>
      element('span', {class: name}, element('i'), `${found[name]} ${words[name] || name}`),
    ),
  );
}

function showState() {
  showCounts();
  const best = state.best;
  const setting =
    best && about.parameters.map((name, place) => `${name} ${best.setting[place]}`).join(', ');
  at('best').replaceChildren(
    ...(best
      ? [
          'Best so far: ',
          element('b', {}, `${about.metric} ${number(best.value, 6)}`),
          ` (n = ${best.n}${best.phase === 'confirm' ? ', fresh seeds' : ''}) at ${setting}`,
        ]
      : ['No trial has completed yet.']),
  );
  document.body.classList.toggle('unreported', !state.reported);
  at('problem').hidden = !state.problem;
  at('problem').textContent = state.problem;
  const progress = at('counts').firstChild?.textContent.replace(' trials', '') ?? '';
  document.title = `${progress} \u2013 ${about.name}`;
  showNodes();
  showTime();
}

function showTime() {
  if (!state) return;
  const now = Date.now() / 1000 + offset,
    parts = [];
  document.body.classList.toggle('alone', !connected);
  if (!connected)
    parts.push(
      'Not connected: nobody serves this page at the moment. What it shows stays; it goes on by' +
        ' itself when somebody does.',
    );
  else if (state.running) {
    parts.push(`Running for ${duration(now - Date.parse(state.started) / 1000)}`);
    const said = state.estimate;
    if (said) {
      const passed = now - said.at,
        left = value => duration(value - passed);
      parts.push(`about ${left(said.left)} left (${left(said.low)} to ${left(said.high)})`);
    }
  } else {
    const open = counts().running || counts().paused || table.trials.size < state.planned;
    parts.push(open ? 'Not running. `study resume` goes on with what is left.' : 'Ended.');
  }
  const line = at('time');
  line.textContent = parts.join(', ') + (state.running && connected ? '.' : '');
  if (state.dashboard)
    line.append(
      ' Ray\u2019s own dashboard: ',
      element('a', {href: safe(state.dashboard), rel: 'noreferrer'}, state.dashboard),
      '.',
    );
}

function safe(address) {
  return /^https?:\/\//.test(address) ? address : '#';
}

function showNodes() {
  const running = [...table.trials.values()].filter(
    trial => trial.status === 'running' && state?.running,
  );
  const nodes = Map.groupBy
    ? Map.groupBy(running, trial => trial.place || 'starting')
    : new Map([['all', running]]);
  const rows = [...nodes]
    .sort()
    .map(([node, trials]) =>
      element(
        'tr',
        {},
        element('td', {class: 'text'}, node),
        element('td', {}, String(trials.length)),
        element(
          'td',
          {class: 'text'},
          ...trials
            .slice(0, 40)
            .flatMap(trial => [
              element(
                'button',
                {type: 'button', onclick: () => details.open(trial.trial)},
                trial.trial,
              ),
              ` epoch ${trial.epoch} `,
            ]),
        ),
      ),
    );
  at('nodes').replaceChildren(
    rows.length
      ? element(
          'div',
          {class: 'scroll'},
          element(
            'table',
            {},
            element(
              'thead',
              {},
              element(
                'tr',
                {},
                ...['node', 'trials', 'running there'].map((name, place) =>
                  element('th', {class: place === 1 ? null : 'text'}, name),
                ),
              ),
            ),
            element('tbody', {}, ...rows),
          ),
        )
      : element('p', {class: 'soft'}, 'Nothing is running.'),
  );
}

connect();
setInterval(showTime, 1000);
const asked = location.hash.match(/^#trial=(.+)/);
if (asked) details.open(decodeURIComponent(asked[1]));
