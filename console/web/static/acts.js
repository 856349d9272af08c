// SPDX-License-Identifier: Apache-2.0
//
// What a person asks for on a page: a dialog with a reason, which is sent to the API as a POST of JSON. Nothing is done otherwise.
'use strict';
(() => {
  document.documentElement.classList.add('acting');

  // nameOf is who acts, where the sign-on does not say: it is asked for, and remembered in this browser.
  const remembered = () => localStorage.getItem('claim') ?? '';
  window.trunkline = {
    remembered,
    // claimed returns the headers of a request by someone of a name; those of HTTP have no letters beyond Latin ones.
    claimed(name) {
      if (!name) return {};
      localStorage.setItem('claim', name);
      return { 'Trunkline-Claim': name };
    },
    // said is what an answer says, in words.
    async said(answer) {
      let text = '';
      try {
        const body = await answer.json();
        text = body.detail ?? body.message ?? '';
        return { text, body };
      } catch {
        return { text, body: {} };
      }
    },
  };

  function answered(form, text, mood) {
    const p = form.querySelector('.answer');
    p.textContent = text;
    p.className = `answer ${mood}`;
  }

  // reset has the dialog begin again: nothing was looked at, and nothing is done.
  function reset(form) {
    delete form.dataset.lots;
    const button = form.querySelector('.do');
    form.dataset.label ??= button.textContent;
    button.textContent = form.dataset.label;
    button.disabled = false;
    answered(form, '', '');
    const claim = form.elements.claim;
    if (claim && !claim.value) claim.value = remembered();
    if (form.elements.sure) form.elements.sure.checked = false;
  }

  document.addEventListener('click', (e) => {
    const opener = e.target.closest?.('[data-opens]');
    if (opener) {
      const dialog = document.getElementById(opener.dataset.opens);
      reset(dialog.querySelector('form'));
      dialog.showModal();
      dialog.querySelector('input[name=why]').focus();
    }
    const closer = e.target.closest?.('[data-closes]');
    if (closer) closer.closest('dialog').close();
    const copier = e.target.closest?.('[data-copies]');
    if (copier) copy(copier);
  });

  // A page is not replaced where a dialog is open: what was done shows once it is closed.
  document.addEventListener('close', (e) => {
    if (!e.target.dataset?.done) return;
    delete e.target.dataset.done;
    document.dispatchEvent(new Event('acted'));
  }, true);

  async function copy(button) {
    const says = button.parentElement.querySelector('[role=status]');
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
      says.textContent = 'Copied.';
    } catch {
      getSelection().selectAllChildren(document.getElementById(button.dataset.copies));
      says.textContent = 'Chosen: copy it with the keyboard.';
    }
  }

  document.addEventListener('submit', async (e) => {
    const form = e.target;
    if (!form.matches('form[data-act]')) return;
    e.preventDefault();
    const button = form.querySelector('.do');
    const body = { ...JSON.parse(form.dataset.body), why: form.elements.why.value.trim() };
    const looks = 'rehearsed' in form.dataset && !form.dataset.lots;
    if (looks) body.dryRun = true;
    else if (form.dataset.lots) body.lots = Number(form.dataset.lots);
    button.disabled = true;
    answered(form, 'Asking…', '');
    try {
      const answer = await fetch(form.dataset.act, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...window.trunkline.claimed(form.elements.claim?.value.trim()) },
        body: JSON.stringify(body),
      });
      const { text, body: said } = await window.trunkline.said(answer);
      if (!answer.ok) {
        answered(form, text || `The daemon answers ${answer.status}.`, 'bad');
        button.disabled = false;
      } else if (looks) {
        answered(form, text, '');
        button.disabled = !said.lots;
        if (said.lots) {
          form.dataset.lots = said.lots;
          button.textContent = `${form.closest('dialog').querySelector('h2').textContent} ${said.lots === 1 ? '1 lot' : `${said.lots} lots`}`;
        }
      } else {
        answered(form, text || 'Done.', 'good');
        form.closest('dialog').dataset.done = 'true';
      }
    } catch {
      answered(form, 'The daemon does not answer, or the name has letters that no header can have.', 'bad');
      button.disabled = false;
    }
  });
})();
