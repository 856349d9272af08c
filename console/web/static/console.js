// SPDX-License-Identifier: Apache-2.0
//
// Keeps pages current: when the platform changes, the page is fetched again, and its parts that differ take the place of the old
// ones. Also filters without a button, and keys. Pages work without it, and then are as old as they are.
'use strict';
(() => {
  const main = () => document.getElementById('main');
  const live = document.getElementById('live');

  // say tells how the page stays current. The element is announced, so it is written only when it differs.
  function say(text, on) {
    if (live.textContent !== text) live.textContent = text;
    live.className = on ? 'on' : 'off';
  }

  // Ages of times grow while the page is open.
  function span(s) {
    if (s < 120) return `${s} s`;
    if (s < 7200) return `${Math.floor(s / 60)} min`;
    if (s < 172800) return `${Math.floor(s / 3600)} h`;
    return `${Math.floor(s / 86400)} d`;
  }
  // The clock of the daemon counts: the page says what time it was there when it was made.
  let skew = 0;
  function ages() {
    const now = Date.now() - skew;
    for (const t of document.querySelectorAll('time')) {
      const s = Math.floor((now - Date.parse(t.dateTime)) / 1000);
      const text = s < 0 ? `in ${span(-s)}` : s < 1 ? 'now' : `${span(s)} ago`;
      if (t.textContent !== text) t.textContent = text;
    }
  }
  function setClock() {
    const read = document.querySelector('footer time');
    if (read) skew = Date.now() - Date.parse(read.dateTime);
  }

  // keyOf names an element that has the focus, so that it is found again in the new part.
  function keyOf(e) {
    if (!e || e === document.body) return '';
    for (const name of ['id', 'href', 'name']) {
      const value = e.getAttribute(name);
      if (value) return `[${name}="${CSS.escape(value)}"]`;
    }
    return '';
  }

  // swap puts the parts of a new page in the place of those that differ. What a person is filling in, or has opened, is left.
  function swap(text) {
    const fresh = new DOMParser().parseFromString(text, 'text/html');
    const next = fresh.getElementById('main');
    if (!next) return false;
    main().dataset.at = next.dataset.at;
    main().dataset.follow = next.dataset.follow;
    if (document.title !== fresh.title) document.title = fresh.title;
    for (const part of document.querySelectorAll('[data-part]')) {
      const other = fresh.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
      const active = document.activeElement;
      if (!other || part.querySelector('dialog[open]') || part.contains(active) && active.matches('input, select, textarea')) continue;
      for (const d of part.querySelectorAll('details[id]')) {
        const same = other.querySelector(`#${CSS.escape(d.id)}`);
        if (same) same.open = d.open;
      }
      if (plain(part) === plain(other)) continue;
      const key = part.contains(active) ? keyOf(active) : '';
      const scroll = [...part.querySelectorAll('.scroll')].map((e) => [e.scrollLeft, e.scrollTop]);
      part.replaceChildren(...[...other.childNodes].map((n) => document.importNode(n, true)));
      for (const [i, e] of part.querySelectorAll('.scroll').entries()) if (scroll[i]) [e.scrollLeft, e.scrollTop] = scroll[i];
      if (key) part.querySelector(key)?.focus({ preventScroll: true });
      if (part.dataset.part !== 'age') {
        part.classList.remove('fresh');
        void part.offsetWidth;
        part.classList.add('fresh');
      }
    }
    setClock();
    ages();
    return true;
  }
  // plain is the content of a part without the ages, which grow by themselves.
  function plain(part) {
    const copy = part.cloneNode(true);
    for (const t of copy.querySelectorAll('time')) t.textContent = '';
    for (const r of copy.querySelectorAll('.at')) { r.classList.remove('at'); if (!r.className) r.removeAttribute('class'); }
    return copy.innerHTML;
  }

  // load fetches a page, and shows it. Of two that are under way, the later one counts.
  let turn = 0;
  async function load(address) {
    const mine = ++turn;
    const answer = await fetch(address, { headers: { Accept: 'text/html' }, redirect: 'manual' });
    const text = await answer.text();
    if (mine !== turn) return;
    if (answer.type === 'opaqueredirect' || answer.status === 401 || answer.status === 403) {
      stop();
      say('signed out: load the page again', false);
      return;
    }
    if (answer.ok) swap(text);
    else say(`not current: the daemon answers ${answer.status}`, false);
  }

  // Changes of the platform: when there are some, the page is loaded again, though never for more than a tenth of the time.
  let source = null;
  let timer = 0;
  let rest = 1000;
  function follow() {
    stop();
    const address = main().dataset.follow;
    if (!address || document.hidden) return;
    source = new EventSource(`${address}&after=${encodeURIComponent(main().dataset.at)}`);
    source.addEventListener('synced', (e) => {
      say('live', true);
      const [epoch, revision] = main().dataset.at.split('.');
      if (e.lastEventId.split('.')[0] !== epoch || JSON.parse(e.data).revision > Number(revision)) later();
    });
    source.addEventListener('resync', later);
    source.addEventListener('open', () => say('live', true));
    source.addEventListener('error', () => {
      say('not live: the daemon does not answer', false);
      if (source?.readyState === EventSource.CLOSED) { later(); setTimeout(follow, 5000); }
    });
  }
  function stop() {
    source?.close();
    source = null;
  }
  function later() {
    if (timer) return;
    timer = setTimeout(async () => {
      const began = Date.now();
      try { await load(location.href); } catch { say('not live: the daemon does not answer', false); }
      rest = Math.min(60000, Math.max(1000, 10 * (Date.now() - began)));
      timer = 0;
    }, rest);
  }
  document.addEventListener('visibilitychange', () => (document.hidden ? stop() : follow()));
  document.addEventListener('acted', later);
  window.addEventListener('pagehide', stop);
  window.addEventListener('pageshow', (e) => { if (e.persisted) { later(); follow(); } });

  // Forms that filter do so while one types, and the address says what is shown.
  function addressOf(form) {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) query.append(name, value);
    const text = query.toString();
    return (form.getAttribute('action') || location.pathname) + (text ? `?${text}` : '');
  }
  let typing = 0;
  function filter(form) {
    clearTimeout(typing);
    history.replaceState(null, '', addressOf(form));
    load(location.href).catch(() => say('not live: the daemon does not answer', false));
  }
  document.addEventListener('input', (e) => {
    const form = e.target.closest?.('form[data-filter]');
    if (!form) return;
    clearTimeout(typing);
    typing = setTimeout(() => filter(form), 250);
  });
  document.addEventListener('submit', (e) => {
    if (!e.target.matches('form[data-filter]')) return;
    e.preventDefault();
    filter(e.target);
  });

  // Keys of one letter, which one can turn off.
  const dialog = document.getElementById('keys');
  const box = document.getElementById('keys-on');
  const help = document.getElementById('help');
  help.hidden = false;
  help.addEventListener('click', () => dialog.showModal());
  box.checked = localStorage.getItem('keys') !== 'off';
  box.addEventListener('change', () => localStorage.setItem('keys', box.checked ? 'on' : 'off'));
  function step(by) {
    const rows = [...document.querySelectorAll('[data-row]')].filter((r) => r.querySelector('a[href]') && r.offsetParent);
    if (rows.length === 0) return;
    let at = rows.findIndex((r) => r.contains(document.activeElement));
    at = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
    rows[at].querySelector('a[href]').focus();
    rows[at].scrollIntoView({ block: 'nearest' });
  }
  let going = 0;
  document.addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || dialog.open) return;
    if (e.target.closest('input, select, textarea, [contenteditable]')) {
      if (e.key === 'Escape') e.target.blur();
      return;
    }
    if (!box.checked || document.querySelector('dialog[open]')) return;
    if (Date.now() < going) {
      going = 0;
      const link = document.querySelector(`nav [data-go="${CSS.escape(e.key)}"]`);
      if (link) { e.preventDefault(); link.click(); }
      return;
    }
    const acts = {
      '/': () => document.querySelector('#search, form[data-filter] input:not([type=hidden])')?.focus(),
      '?': () => dialog.showModal(),
      j: () => step(1),
      k: () => step(-1),
      g: () => { going = Date.now() + 1500; },
    };
    if (!acts[e.key]) return;
    e.preventDefault();
    acts[e.key]();
  });

  setClock();
  setInterval(ages, 1000);
  // What no change of the platform tells of is loaded again from time to time.
  const every = Number(main().dataset.every);
  if (every) setInterval(() => { if (!document.hidden) later(); }, 1000 * every);
  follow();
})();
