// Keeps the page of a run as its server tells: trials and state at once, sections as they are computed anew.
import {TrialDetails} from './live_details.js';
import {STATES, TrialTable, duration, element, number} from './live_trials.js';

const details = new TrialDetails();
const table = new TrialTable(trial => details.open(trial));
const views = new Map();
const sections = new Map();
let about = null, state = null, connected = false, offset = 0, vega = null;
const at = id => document.getElementById(id);

function connect() {
  const source = new EventSource('/events');
  const hears = (kind, take) => source.addEventListener(kind, event => take(JSON.parse(event.data)));
  source.onopen = () => { connected = true; };
  source.onerror = () => { connected = false; showTime(); };
  hears('hello', hello => {
    if (hello.run !== at('run').textContent) { source.close(); location.reload(); return; }
    about = hello;
    table.begin(hello);
  });
  hears('trials', rows => {
    table.take(rows);
    details.changed(new Set(rows.map(row => row[0])));
    showCounts();
    showNodes();
  });
  hears('state', found => { state = found; offset = found.now - Date.now() / 1000; showState(); });
  hears('sections', takeSections);
}

function counts() {
  const found = Object.fromEntries(STATES.map(name => [name, 0]));
  for (const trial of table.trials.values()) found[shownStatus(trial)] = (found[shownStatus(trial)] || 0) + 1;
  return found;
}

function shownStatus(trial) {
  return trial.status;
}

function showCounts() {
  const found = counts(), begun = table.trials.size, confirming = [...table.trials.values()].filter(trial => trial.phase === 'confirm').length;
  const planned = Math.max(begun, (state?.planned || 0) + (state?.running ? Math.max(confirming, state.confirmations) : confirming));
  at('bar').replaceChildren(...['completed', 'pruned', 'diverged', 'failed', 'running'].map(name =>
    element('span', {class: name, style: `width:${100 * found[name] / Math.max(1, planned)}%`, title: `${found[name]} ${name}`})));
  const ended = begun - found.running;
  const words = {running: state && !state.running ? 'cut off' : 'running', completed: 'completed'};
  at('counts').replaceChildren(element('b', {}, `${ended} of ${planned} trials`), ...STATES.filter(name => found[name]).map(name =>
    element('span', {class: name}, element('i'), `${found[name]} ${words[name] || name}`)));
}

function showState() {
  showCounts();
  const best = state.best;
  const setting = best && about.parameters.map((name, place) => `${name} ${best.setting[place]}`).join(', ');
  at('best').replaceChildren(...best ? ['Best so far: ', element('b', {}, `${about.metric} ${number(best.value, 6)}`),
    ` (n = ${best.n}${best.phase === 'confirm' ? ', fresh seeds' : ''}) at ${setting}`] : ['No trial has completed yet.']);
  document.body.classList.toggle('unreported', !state.reported);
  at('problem').hidden = !state.problem;
  at('problem').textContent = state.problem;
  document.title = `${at('counts').firstChild?.textContent.replace(' trials', '') ?? ''} \u2013 ${about.name}`;
  showNodes();
  showTime();
}

function showTime() {
  if (!state) return;
  const now = Date.now() / 1000 + offset, parts = [];
  if (!connected) parts.push('Not connected: nobody serves this page at the moment. What it shows stays; it goes on by itself when somebody does.');
  else if (state.running) {
    parts.push(`Running for ${duration(now - Date.parse(state.started) / 1000)}`);
    const said = state.estimate;
    if (said) {
      const passed = now - said.at, left = value => duration(value - passed);
      parts.push(`about ${left(said.left)} left (${left(said.low)} to ${left(said.high)})`);
    }
  } else {
    const open = counts().running || table.trials.size < state.planned;
    parts.push(open ? 'Not running. `study resume` goes on with what is left.' : 'Ended.');
  }
  const line = at('time');
  line.textContent = parts.join(', ') + (state.running && connected ? '.' : '');
  if (state.dashboard) line.append(' Ray\u2019s own dashboard: ', element('a', {href: safe(state.dashboard), rel: 'noreferrer'}, state.dashboard), '.');
}

function safe(address) {
  return /^https?:\/\//.test(address) ? address : '#';
}

function showNodes() {
  const running = [...table.trials.values()].filter(trial => trial.status === 'running' && state?.running);
  const nodes = Map.groupBy ? Map.groupBy(running, trial => trial.place || 'starting') : new Map([['all', running]]);
  const rows = [...nodes].sort().map(([node, trials]) => element('tr', {}, element('td', {class: 'text'}, node),
    element('td', {}, String(trials.length)), element('td', {class: 'text'}, ...trials.slice(0, 40).flatMap(trial => [
      element('button', {type: 'button', onclick: () => details.open(trial.trial)}, trial.trial), ` epoch ${trial.epoch} `]))));
  at('nodes').replaceChildren(rows.length ? element('div', {class: 'scroll'}, element('table', {}, element('thead', {}, element('tr', {},
    ...['node', 'trials', 'running there'].map((name, place) => element('th', {class: place === 1 ? null : 'text'}, name)))),
    element('tbody', {}, ...rows))) : element('p', {class: 'soft'}, 'Nothing is running.'));
}

function takeSections({order, changed}) {
  at('waiting')?.remove();
  const main = at('sections');
  for (const {anchor, title, html} of changed) {
    const template = document.createElement('template');
    template.innerHTML = html; // markup of the report, in which all text of the study is escaped; scripts in it never run
    if (!sections.has(anchor)) {
      sections.set(anchor, element('section', {id: anchor}, title ? element('h2', {}, title) : null, element('div')));
    }
    const place = sections.get(anchor).lastChild;
    replaceKeeping(place, template.content);
  }
  for (const [anchor, section] of sections) if (!order.includes(anchor)) { forgetCharts(section); section.remove(); sections.delete(anchor); }
  order.forEach((anchor, place) => { if (main.children[place] !== sections.get(anchor)) main.insertBefore(sections.get(anchor), main.children[place] ?? null); });
  const listed = [['live-trials', 'Trials one by one'], ['live-nodes', 'Where they run'],
    ...order.map(anchor => [anchor, sections.get(anchor).querySelector('h2')?.textContent]).filter(pair => pair[1])];
  at('contents').replaceChildren(...listed.map(([anchor, title]) => element('li', {}, element('a', {href: `#${anchor}`}, title))));
}

/** Other content in the same place; what was unfolded stays so, and charts that are there already are given the new data. */
function replaceKeeping(place, content) {
  const open = new Set([...place.querySelectorAll('details[open] > summary')].map(summary => summary.textContent));
  for (const part of content.querySelectorAll('details')) part.open = open.has(part.querySelector('summary')?.textContent);
  const wanted = [...content.querySelectorAll('figure')].filter(figure => figure.querySelector('script')).map(figure => {
    const spec = figure.querySelector('script').textContent, there = place.querySelector(`#${CSS.escape(figure.id)}`);
    if (!there) return [figure, spec];
    there.querySelector('figcaption').replaceWith(figure.querySelector('figcaption'));
    figure.replaceWith(there);
    return [there, spec];
  });
  forgetCharts(place);
  place.replaceChildren(content);
  for (const [figure, spec] of wanted) if (views.get(figure.id)?.spec !== spec) chart(figure, spec);
}

/** Those in a place that is about to go: drawn anew if they come back. */
function forgetCharts(place) {
  for (const figure of place.querySelectorAll('figure')) { views.get(figure.id)?.view?.finalize(); views.delete(figure.id); }
}

/** Draw a chart, or move the one that is there on to other data where nothing else changed. */
async function chart(figure, text) {
  const shown = views.get(figure.id), {datasets, ...rest} = JSON.parse(text), frame = JSON.stringify(rest);
  views.set(figure.id, {...shown, spec: text, frame});
  await loadVega();
  if (views.get(figure.id)?.spec !== text) return; // newer data came meanwhile
  if (shown?.view && shown.frame === frame && Object.keys(datasets).every(name => name in shown.datasets)) {
    for (const [name, rows] of Object.entries(datasets)) shown.view.data(name, rows);
    await shown.view.runAsync();
    return;
  }
  const place = figure.querySelector('.chart'), config = JSON.parse(at('style').textContent);
  const theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const options = {mode: 'vega-lite', renderer: 'svg', actions: false, ast: true, config, tooltip: {theme}};
  try {
    const {view} = await vegaEmbed(place, JSON.parse(text), options);
    shown?.view?.finalize();
    views.set(figure.id, {...views.get(figure.id), view, datasets});
  } catch (error) {
    place.textContent = `This chart could not be drawn: ${error.message}`;
  }
}

/** The drawing scripts are large: they come with the first chart, after the table is there. */
function loadVega() {
  vega ??= new Promise((loaded, failed) => document.head.append(element('script', {src: '/vega.js', onload: loaded, onerror: failed})));
  return vega;
}

connect();
setInterval(showTime, 1000);
const asked = location.hash.match(/^#trial=(.+)/);
if (asked) details.open(decodeURIComponent(asked[1]));
