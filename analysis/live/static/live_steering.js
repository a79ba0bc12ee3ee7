// Buttons that give orders, for who opened the page by its whole address.
import {element} from './live_format.js';

const at = id => document.getElementById(id);
const ORDERS = [
  ['pause', 'Pause the run', 'Pause the run after the running epochs? `study resume` goes on.'],
  ['end', 'End the search', 'End the search? Its running trials are stopped for good.'],
];
export const steers = 'steers' in document.body.dataset;

/** Gives the order `asked`, JSON, and says in `place` what became of it. */
export async function order(asked, place) {
  place.hidden = false;
  place.textContent = 'Sent.';
  const answer = await fetch('/orders', {
    method: 'POST',
    headers: {'Content-Type': 'application/json'},
    body: asked,
  }).catch(() => null);
  place.textContent = answer ? await answer.text() : 'The order could not be sent.';
}

const ask = (asked, question) =>
  window.confirm(question) && order(JSON.stringify(asked), at('ordered'));
const button = (asked, text, question) =>
  element('button', {type: 'button', onclick: () => ask(asked, question)}, text);

/** A button that stops a trial; none where that cannot be. */
export function stopButton(trial, status) {
  if (!steers || !['running', 'paused'].includes(status)) return [];
  const question = `Stop trial ${trial} for good, after the epoch that it trains?`;
  return [button({do: 'stop-trial', trial}, 'Stop this trial', question)];
}

/** The buttons of a run that goes on, and its last orders with what became of them. */
export function showSteering(state) {
  at('steering').hidden = !(steers && state.running);
  if (steers && !at('steering').firstChild)
    at('steering').replaceChildren(
      ...ORDERS.map(([what, text, question]) => button({do: what}, text, question)),
    );
  at('orders').hidden = !state.orders.length;
  at('orders').replaceChildren(
    ...state.orders.map(each =>
      element('li', {}, `${each.at} ${each.by}: ${each.words}: ${each.answer}`),
    ),
  );
}
