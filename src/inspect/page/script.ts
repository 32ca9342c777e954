/** What the page does: choosing a cut in the picture, in a chart or in a table shows it everywhere. */
export const script = `
const knife = document.getElementById('knife');
const all = (selector) => [...document.querySelectorAll(selector)];
let current = -1;
function choose(index) {
  const point = document.querySelector('.point[data-cut="' + index + '"]');
  if (!point) return;
  current = index;
  for (const b of all('.box')) b.classList.toggle('crown', b.dataset.behind === '' || Number(b.dataset.behind) > index);
  for (const e of all('.point, .bar, tr[data-cut]')) e.classList.toggle('chosen', Number(e.dataset.cut) === index);
  for (const f of all('.facts')) f.hidden = f.id !== 'cut-' + index;
  knife.setAttribute('transform', 'translate(0 ' + point.dataset.y + ')');
  knife.removeAttribute('hidden');
  for (const b of all('.step')) b.disabled = !document.querySelector('.point[data-cut="' + (index + Number(b.dataset.by)) + '"]');
}
for (const e of all('.point, .bar, tr[data-cut]')) {
  e.addEventListener('click', (event) => {
    event.preventDefault();
    choose(Number(e.dataset.cut));
  });
}
for (const b of all('.step')) b.addEventListener('click', () => choose(current + Number(b.dataset.by)));
choose(Number(document.querySelector('.point.chosen')?.dataset.cut ?? 0));
`;
