// SPDX-License-Identifier: Apache-2.0
//
// The grid of lots, with the mouse and the keyboard, and the log of a lot.
'use strict';
(() => {
  const grid = () => document.getElementById('grid');

  // The grid: a lot is where its row starts, and so many steps after that.
  let at = 0; // the start of the lot that the keys are at, in ms
  let anchor = 0; // where a range began

  const cellsOf = (row) => row.querySelectorAll('td');
  function startOf(cell) {
    const row = cell.closest('tr[data-start]');
    return Date.parse(row.dataset.start) + [...cellsOf(row)].indexOf(cell) * step();
  }
  const step = () => Number(grid().dataset.step) * 1000;
  function cellAt(start) {
    let found = null;
    for (const row of grid().querySelectorAll('tr[data-start]')) {
      const n = (start - Date.parse(row.dataset.start)) / step();
      if (n >= 0 && n < cellsOf(row).length) found = cellsOf(row)[n];
    }
    return found?.textContent ? found : null;
  }
  const text = (ms) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
  const stamp = (ms) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

  // idOf is the id of a lot, as the API has it.
  function idOf(start) {
    const length = Number(grid().dataset.step);
    const unit = { 300: 'PT5M', 600: 'PT10M', 900: 'PT15M', 3600: 'PT1H', 86400: 'P1D' }[length];
    const day = stamp(start).slice(0, 10).replaceAll('-', '');
    return `${day}${unit}${String(Math.floor((start % 86400000) / 1000 / length)).padStart(3, '0')}`;
  }

  function describe(cell) {
    if (!cell?.textContent) return '';
    const start = startOf(cell);
    const word = grid().parentElement.querySelector(`[data-sign="${CSS.escape(cell.textContent)}"] ~ .word`)?.textContent ?? '';
    return `${text(start)} to ${text(start + step())} UTC: ${word}`;
  }
  function say(cell) {
    document.getElementById('cell').textContent = describe(cell);
  }

  // go puts the keys at a lot.
  function go(cell) {
    for (const old of grid().querySelectorAll('td.at')) unmark(old);
    if (!cell) return;
    cell.classList.add('at');
    at = startOf(cell);
    cell.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    say(cell);
  }
  function unmark(cell) {
    cell.classList.remove('at');
    if (!cell.className) cell.removeAttribute('class');
  }

  // choose puts a range into the form, which loads what there is to say of it.
  function choose(from, until) {
    const form = document.getElementById('range');
    form.elements.from.value = from === null ? '' : stamp(from);
    form.elements.until.value = until === null ? '' : stamp(until);
    for (const row of grid().querySelectorAll('tr[data-start]')) {
      const first = Date.parse(row.dataset.start);
      for (const [n, cell] of cellsOf(row).entries()) {
        const start = first + n * step();
        if (cell.textContent) cell.classList.toggle('chosen', from !== null && start >= from && start < until);
      }
    }
    form.elements.from.dispatchEvent(new Event('input', { bubbles: true }));
  }
  const chooseTo = (start) => choose(Math.min(anchor, start), Math.max(anchor, start) + step());

  let drags = false;
  document.addEventListener('pointerdown', (e) => {
    const cell = e.target.closest?.('#grid tr[data-start] > td');
    if (!cell?.textContent || e.button !== 0 || e.pointerType === 'touch') return;
    drags = true;
    if (!e.shiftKey || !anchor) anchor = startOf(cell);
    go(cell);
  });
  document.addEventListener('pointerover', (e) => {
    const cell = e.target.closest?.('#grid tr[data-start] > td');
    if (!cell?.textContent) return;
    if (drags) go(cell);
    else document.getElementById('cell').textContent = describe(cell);
  });
  document.addEventListener('pointerup', () => {
    if (!drags) return;
    drags = false;
    chooseTo(at);
  });
  document.addEventListener('click', (e) => {
    const cell = e.target.closest?.('#grid tr[data-start] > td');
    if (!cell?.textContent || e.pointerType !== 'touch') return;
    go(cell);
    anchor = at;
    chooseTo(at);
  });

  document.addEventListener('keydown', (e) => {
    if (e.target !== grid() || e.ctrlKey || e.metaKey || e.altKey) return;
    const cells = [...grid().querySelectorAll('tr[data-start] > td')].filter((c) => c.textContent);
    if (cells.length === 0) return;
    if (e.key === 'Escape') {
      anchor = 0;
      choose(null, null);
      return;
    }
    const here = grid().querySelector('td.at') ?? (at && cellAt(at));
    if (e.key === 'Enter' && here) {
      location.href = `${grid().dataset.path}/${idOf(startOf(here))}`;
      return;
    }
    const row = cellsOf(grid().querySelector('tr[data-start]')).length;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row, Home: -cells.length, End: cells.length, ' ': 0 }[e.key];
    if (by === undefined) return;
    e.preventDefault();
    const known = cells.filter((c) => c.textContent !== '·');
    const n = here ? cells.indexOf(here) : Math.max(0, cells.indexOf(known[known.length - 1]));
    const next = cells[here ? Math.min(cells.length - 1, Math.max(0, n + by)) : n];
    if (!e.shiftKey) anchor = startOf(next);
    else if (!anchor) anchor = startOf(here || next);
    go(next);
    if (e.shiftKey || e.key === ' ') chooseTo(at);
  });
  // A grid that is new is marked where the keys are.
  const parts = document.querySelector('[data-part=grid]');
  if (parts) {
    new MutationObserver(() => {
      const cell = at && !grid().querySelector('td.at') && cellAt(at);
      if (cell) cell.classList.add('at');
    }).observe(parts, { childList: true });
  }

  // The log: it is asked for when a person wants it, and is a text, whatever it has.
  const box = document.getElementById('log');
  let lines = [];
  let wanted = '';
  // plain has no commands of terminals, and shows what cannot be seen.
  function plain(log) {
    return log.replace(/\u001b\[[0-9;:?]*[A-Za-z]/g, '').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, '\ufffd');
  }
  const maxLines = 20000;
  function filter() {
    const wants = document.getElementById('log-search').value.toLowerCase();
    const found = wants ? lines.filter((l) => l.toLowerCase().includes(wants)) : lines;
    document.getElementById('log-text').textContent = found.join('\n');
    document.getElementById('log-count').textContent = wants ? `${found.length} of ${lines.length} lines` : `${lines.length} lines`;
  }
  // load reads the log. Quietly, it is read once more, and what a person does meanwhile is left.
  async function load(quietly) {
    const claim = document.getElementById('log-claim');
    const says = document.getElementById('log-said');
    if (claim && !claim.value.trim()) {
      says.textContent = 'Say who you are.';
      claim.focus();
      return;
    }
    if (!quietly) says.textContent = 'Reading…';
    try {
      const answer = await fetch(box.dataset.address + (wanted && `?attempt=${encodeURIComponent(wanted)}`), { headers: window.trunkline.claimed(claim?.value.trim()) });
      const { text: words, body } = await window.trunkline.said(answer);
      document.getElementById('log-found').hidden = !answer.ok;
      if (!answer.ok) {
        says.textContent = words || `The daemon answers ${answer.status}.`;
        return;
      }
      says.textContent = `${body.kept ? 'As it was kept' : 'As the cluster has it just now'}${body.outcome ? `; the run ${body.outcome}` : ''}.`;
      lines = plain(body.text).replace(/\n$/, '').split('\n').slice(-maxLines);
      const shown = document.getElementById('log-text');
      const atEnd = shown.scrollTop + shown.clientHeight >= shown.scrollHeight - 4;
      filter();
      if (quietly && atEnd) shown.scrollTop = shown.scrollHeight;
      if (!quietly) shown.focus();
      if (body.kept || body.outcome) follows(false);
    } catch {
      says.textContent = 'The daemon does not answer.';
    }
  }
  // While a run is under way, its log is read again and again, if a person wants that.
  let timer = 0;
  function follows(on) {
    clearInterval(timer);
    timer = on ? setInterval(() => document.hidden || load(true), 10_000) : 0;
    const live = document.getElementById('log-live');
    if (live) live.checked = on;
  }
  document.getElementById('log-live')?.addEventListener('change', (e) => { follows(e.target.checked); if (e.target.checked) load(true); });
  document.addEventListener('click', (e) => {
    const button = e.target.closest?.('[data-log]');
    if (button) {
      wanted = button.dataset.log;
      box.hidden = false;
      document.getElementById('log-title').textContent = wanted ? `Log of ${wanted}` : 'What it wrote';
      const claim = document.getElementById('log-claim');
      if (claim && !claim.value) claim.value = window.trunkline.remembered();
      load();
    }
    if (e.target.id === 'log-show') load();
  });
  document.getElementById('log-search')?.addEventListener('input', filter);
})();
