// A form for a setting of one's own, for who opened the page by its whole address.
import {element} from './live_format.js';
import {order, steers} from './live_steering.js';

const place = document.getElementById('adding');
let fields = [],
  best = {},
  asked = '';

/** Makes the form; `about.fields` are the parameters, none where nothing can be added. */
export function beginAdding(about) {
  if (asked === (asked = JSON.stringify(about.fields))) return; // keep what is being typed
  fields = about.fields.map(field => ({...field, input: input(field)}));
  const said = element('p', {role: 'status'});
  const form = element(
    'form',
    {onsubmit: event => (event.preventDefault(), send(said)), onchange: showActive},
    ...fields.map(field => element('label', {}, field.name, field.input)),
    element('button', {}, 'Add it'),
    said,
  );
  place.lastElementChild.replaceWith(form);
  place.ontoggle = () => place.open && fill();
  fill();
}

/** Only a run that goes on takes a setting. The form opens with the best one so far. */
export function showAdding(state) {
  best = state.best?.params ?? best;
  place.hidden = !(steers && state.running && fields.length);
}

function input({name, choices}) {
  if (!choices) return element('input', {name, autocomplete: 'off', spellcheck: 'false'});
  const options = choices.map(value => element('option', {value}, shown(value)));
  return element('select', {name}, element('option', {value: ''}, '\u2013'), ...options);
}

function fill() {
  for (const {name, choices, input} of fields)
    if (name in best) input.value = choices ? best[name] : shown(best[name]);
  showActive();
}

/** What is in no chosen branch cannot be filled in, and is not sent. */
function showActive() {
  const at = name => fields.find(field => field.name === name).input;
  const isIn = ([choice, branches]) =>
    !at(choice).disabled && at(choice).value && branches.includes(JSON.parse(at(choice).value));
  // A choice stands before what is in its branches.
  for (const {when, input} of fields)
    input.disabled = Boolean(when) && !Object.entries(when).some(isIn);
}

function send(said) {
  const given = fields.filter(({input}) => !input.disabled && input.value.trim());
  const params = given.map(({name, input}) => `${JSON.stringify(name)}:${json(input.value)}`);
  // As text: numbers of JavaScript would round long whole ones.
  order(`{"do":"add","params":{${params.join()}}}`, said);
}

/** A value as typed, or of a choice: JSON, or else text. */
function json(text) {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text.trim());
  }
}

/** A value that is JSON, as one types it: text without quotes where it reads as nothing else. */
function shown(value) {
  const read = JSON.parse(value);
  return typeof read === 'string' && read && json(read) !== read ? read : value;
}
