const contents = new Map([...document.querySelectorAll('nav a')].map(link => [link.hash.slice(1), link]));
const inView = new Set();
const watcher = new IntersectionObserver(changes => {
  for (const { target, isIntersecting } of changes) inView[isIntersecting ? 'add' : 'delete'](target.id);
  const first = [...contents.keys()].find(id => inView.has(id));
  for (const [id, link] of contents) link.toggleAttribute('aria-current', id === first);
}, { rootMargin: '-10% 0px -60%' });
document.querySelectorAll('section').forEach(section => watcher.observe(section));

for (const place of document.querySelectorAll('.scroll')) {
  const heads = [...place.querySelectorAll('th')];
  if (place.scrollWidth <= place.clientWidth || heads.length < 3) continue;
  const chooser = document.createElement('details');
  chooser.className = 'columns';
  chooser.append(Object.assign(document.createElement('summary'), { textContent: 'Columns' }));
  heads.slice(1).forEach((head, index) => {
    const box = Object.assign(document.createElement('input'), { type: 'checkbox', checked: true });
    const cells = place.querySelectorAll(`tr > :nth-child(${index + 2})`);
    box.onchange = () => cells.forEach(cell => { cell.hidden = !box.checked; });
    const name = document.createElement('label');
    name.append(box, ' ' + head.textContent);
    chooser.append(name);
  });
  place.before(chooser);
}
