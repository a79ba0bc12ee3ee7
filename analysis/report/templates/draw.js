for (const place of document.querySelectorAll('.chart')) {
  const spec = JSON.parse(document.getElementById(place.dataset.spec).textContent);
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  drawLegibly(place, spec, {mode: 'vega-lite', renderer: 'svg', actions: false, config: CONFIG, tooltip: {theme: dark ? 'dark' : 'light'}})
    .catch(error => { place.textContent = 'This chart could not be drawn: ' + error.message; });
}
