/** Draw a picture such that it can be read on a narrow screen: its panels stand in as many columns
 * as fit, and no letter is smaller than nine pixels; it scrolls instead. */
window.drawLegibly = async (place, spec, options) => {
  const room = place.closest('.pictures')?.clientWidth || document.body.clientWidth,
    fitting = Math.max(1, Math.floor(room / 300)),
    columns = Math.min(spec.columns, fitting);
  const drawn = await vegaEmbed(place, spec.columns ? {...spec, columns} : spec, options);
  const svg = place.querySelector('svg'),
    sizes = [...svg.querySelectorAll('text')].map(text => getComputedStyle(text).fontSize),
    share = Math.min(1, 9 / Math.min(...sizes.map(size => parseFloat(size))));
  svg.style.setProperty('--legible', `${Math.ceil(share * svg.width.baseVal.value)}px`);
  return drawn;
};
