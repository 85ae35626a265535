// inspect is the list of what is wrong with a report's page, as somebody sees it
// who has just been woken by it.
function inspect({ failing, desk, lastWord }) {
  const found = [];
  const wrong = (is, what) => { if (is) found.push(what); };
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const shown = e => { const r = e?.getBoundingClientRect(); return r && r.width > 0 && r.height > 0 ? r : null; };
  const inView = e => { const r = shown(e); return r !== null && r.top >= 0 && r.bottom <= innerHeight; };

  const word = document.querySelector('header .word');
  wrong(!inView(word), 'the verdict is not in view');
  wrong(!document.body.innerText.trim().startsWith(failing ? 'FAIL' : 'PASS'), 'the verdict is not the first thing on the page');
  wrong(!inView(document.querySelector('h1')) || document.querySelector('h1').innerText.length < 10, 'no sentence says what happened');
  wrong(all('.tiles li b').filter(shown).length < 3, 'fewer than three figures');

  if (failing) {
    const fix = document.querySelector('#hints h2'), first = document.querySelector('#hints ol li');
    wrong(fix?.innerText !== 'What to fix first' || !shown(first) || first.innerText.length < 20, 'nothing says what to fix first');
    wrong(desk && !inView(first), 'what to fix first is not in view');
  }

  const rows = all('#guarantees tbody tr');
  const tested = rows.filter(r => !r.classList.contains('unknown'));
  wrong(rows.length !== 12, rows.length + ' guarantees');
  wrong(tested.length < 6, 'only ' + tested.length + ' guarantees were tested');
  for (const row of tested) {
    const cells = all('td.n', row).map(c => c.innerText);
    const name = row.querySelector('td').innerText.replace(/\s+/g, ' ');
    wrong(!/^\D*[\d,]*[1-9]/.test(cells[0]), 'no exposures of ' + name);
    wrong(cells.filter(c => /fewer than [\d.]+ %$|up to all$/.test(c)).length !== 2, 'not two bounds of ' + name);
  }
  wrong(failing !== rows.some(r => r.classList.contains('bad')), 'the guarantees do not say what the verdict says');

  const timeline = document.querySelector('#timeline svg');
  wrong(!(shown(timeline)?.height > 150), 'there is no timeline');
  if (timeline) {
    for (const part of ['lane', 'rate', 'p50', 'p99', 'band', 'middle']) {
      wrong(!all('.' + part, timeline).some(shown), 'nothing of ' + part + ' is drawn on the timeline');
    }
    wrong(failing !== all('rect.hurt', timeline).some(shown), failing ? 'no harm is drawn on the timeline' : 'harm is drawn on the timeline');
  }
  wrong(!all('#events tbody tr').some(shown), 'there is no event');

  const witnesses = all('#witnesses article');
  if (failing) {
    wrong(witnesses.length === 0, 'there is no witness');
    for (const w of witnesses) {
      const name = w.querySelector('h3').innerText;
      wrong(!shown(w.querySelector('svg')) || all('.steps tbody tr', w).length === 0 || all('.steps tr.bad', w).length === 0, 'the witness of ' + name + ' shows nothing');
      all('details', w).forEach(d => d.open = true);
      const script = w.querySelector('pre');
      wrong(!shown(script) || !/\bcurl -/.test(script.innerText), 'no curl for the witness of ' + name);
    }
  } else {
    wrong(document.querySelector('#witnesses') || /\bcurl\b/.test(document.body.innerText), 'there is a witness in a run that passed');
  }

  const wide = all('body *').filter(e => !e.closest('.wide, pre, .steps') && e.getBoundingClientRect().right > innerWidth + 1);
  wrong(document.documentElement.scrollWidth > innerWidth, 'scrolls sideways: ' + document.documentElement.scrollWidth + ' of ' + innerWidth);
  wrong(wide.length > 0, 'sideways out of the window: ' + wide.slice(0, 3).map(e => e.tagName + '.' + e.className).join(' '));
  wrong(all('svg').some(e => e.getBoundingClientRect().height < 30), 'a flat picture');
  found.push(...performance.getEntriesByType('resource').map(e => 'fetched: ' + e.name));
  console.info(lastWord);
  return found;
}
