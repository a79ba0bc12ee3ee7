// The sections of the report, as they are computed anew, and their charts.
import {element} from './live_format.js';

const views = new Map();
const sections = new Map();
let vega = null;

export function takeSections({order, changed}) {
  document.getElementById('waiting')?.remove();
  const main = document.getElementById('sections');
  for (const {anchor, title, html} of changed) {
    const template = document.createElement('template');
    // Markup of the report, in which all text of the study is escaped; scripts in it never run.
    template.innerHTML = html;
    if (!sections.has(anchor)) {
      sections.set(
        anchor,
        element('section', {id: anchor}, title ? element('h2', {}, title) : null, element('div')),
      );
    }
    const place = sections.get(anchor).lastChild;
    replaceKeeping(place, template.content);
  }
  for (const [anchor, section] of sections)
    if (!order.includes(anchor)) {
      forgetCharts(section);
      section.remove();
      sections.delete(anchor);
    }
  order.forEach((anchor, place) => {
    if (main.children[place] !== sections.get(anchor))
      main.insertBefore(sections.get(anchor), main.children[place] ?? null);
  });
  const listed = [
    ['live-trials', 'Trials one by one'],
    ['live-nodes', 'Where they run'],
    ...order
      .map(anchor => [anchor, sections.get(anchor).querySelector('h2')?.textContent])
      .filter(pair => pair[1]),
  ];
  document
    .getElementById('contents')
    .replaceChildren(
      ...listed.map(([anchor, title]) =>
        element('li', {}, element('a', {href: `#${anchor}`}, title)),
      ),
    );
}

/** Other content in the same place; what was unfolded stays so, and charts that are there already
 * are given the new data. */
function replaceKeeping(place, content) {
  const open = new Set(
    [...place.querySelectorAll('details[open] > summary')].map(summary => summary.textContent),
  );
  for (const part of content.querySelectorAll('details'))
    part.open = open.has(part.querySelector('summary')?.textContent);
  const wanted = [...content.querySelectorAll('figure')]
    .filter(figure => figure.querySelector('script'))
    .map(figure => {
      const spec = figure.querySelector('script').textContent,
        there = place.querySelector(`#${CSS.escape(figure.id)}`);
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
  for (const figure of place.querySelectorAll('figure')) {
    views.get(figure.id)?.view?.finalize();
    views.delete(figure.id);
  }
}

/** Draw a chart, or move the one that is there on to other data where nothing else changed. */
async function chart(figure, text) {
  const shown = views.get(figure.id),
    {datasets, ...rest} = JSON.parse(text),
    frame = JSON.stringify(rest);
  views.set(figure.id, {...shown, spec: text, frame});
  await loadVega();
  if (views.get(figure.id)?.spec !== text) return; // newer data came meanwhile
  if (
    shown?.view &&
    shown.frame === frame &&
    Object.keys(datasets).every(name => name in shown.datasets)
  ) {
    for (const [name, rows] of Object.entries(datasets)) shown.view.data(name, rows);
    await shown.view.runAsync();
    return;
  }
  const place = figure.querySelector('.chart'),
    config = JSON.parse(document.getElementById('style').textContent);
  const theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const options = {
    mode: 'vega-lite',
    renderer: 'svg',
    actions: false,
    ast: true,
    config,
    tooltip: {theme},
  };
  try {
    const {view} = await drawLegibly(place, JSON.parse(text), options);
    shown?.view?.finalize();
    views.set(figure.id, {...views.get(figure.id), view, datasets});
  } catch (error) {
    place.textContent = `This chart could not be drawn: ${error.message}`;
  }
}

/** The drawing scripts are large: they come with the first chart, after the table is there. */
function loadVega() {
  vega ??= new Promise((loaded, failed) =>
    document.head.append(element('script', {src: '/vega.js', onload: loaded, onerror: failed})),
  );
  return vega;
}
