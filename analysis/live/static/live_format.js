// Elements of the page, and numbers, times and curves as it shows them.

/** An element with attributes and children; text is text, never markup. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

export function number(value, digits = 4) {
  if (value === null || value === undefined) return '\u2013';
  const size = Math.abs(value),
    exponent = size && (size < 1e-3 || size >= 1e6);
  for (; ; digits++) {
    // nothing reads as 0 or 1 that is not
    const whole = size >= 1 ? Math.floor(Math.log10(size)) + 1 : 0; // 48,213 is no 48,210
    const text = exponent
      ? value.toExponential(digits - 2)
      : String(Number(value.toPrecision(Math.max(digits, whole))));
    if (digits >= 17 || Number(text) === value || ![0, 1, -1].includes(Number(text))) return text;
  }
}

/** How many significant digits tell each of some numbers from its neighbours. */
export function digitsApart(values, least = 4) {
  const ordered = [...new Set(values.filter(value => typeof value === 'number'))].sort(
    (one, other) => one - other,
  );
  const exponent = value => Math.floor(Math.log10(Math.abs(value)));
  return new Map(
    ordered.map((value, place) => {
      const gap = Math.min(
        value - (ordered[place - 1] ?? -Infinity),
        (ordered[place + 1] ?? Infinity) - value,
      );
      const needed = value && Number.isFinite(gap) ? exponent(value) - exponent(gap) + 2 : least;
      return [value, Math.min(17, Math.max(least, needed))];
    }),
  );
}

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [
    Math.floor(whole / 3600),
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  const two = part => String(part).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A learning curve as small as a row. */
export function spark(values) {
  const width = 90,
    height = 22,
    svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('width', width);
  svg.setAttribute('height', height);
  const known = values.filter(value => value !== null);
  if (known.length < 2) return svg;
  const low = Math.min(...known),
    span = Math.max(...known) - low || 1;
  const x = place => (place / (values.length - 1)) * (width - 4) + 2;
  const y = value => height - 3 - ((value - low) / span) * (height - 6);
  const points = values.map((value, place) =>
    value === null ? null : [x(place), y(value)].map(pixel => pixel.toFixed(1)).join(),
  );
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  for (const [key, value] of [
    ['points', points.filter(Boolean).join(' ')],
    ['fill', 'none'],
    ['stroke', 'currentColor'],
    ['stroke-width', '1.5'],
  ])
    line.setAttribute(key, value);
  svg.append(line);
  return svg;
}
