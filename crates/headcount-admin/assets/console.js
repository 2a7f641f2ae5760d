// What the console's pages cannot do without a script: copying, dialogs that keep the rest away, and
// forgetting how a secret was asked for.
(() => {
  "use strict";
  const announce = (text) => {
    const box = document.getElementById("said");
    if (box) box.textContent = text;
  };

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    const label = button.querySelector("span");
    if (!source || !label) return;
    const before = label.textContent;
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
    } catch {
      // Without https a browser may keep the clipboard to itself; the text is selected instead.
      getSelection().selectAllChildren(source);
      announce("Selected");
      label.textContent = "Selected";
      return;
    }
    announce("Copied");
    label.textContent = "Copied";
    setTimeout(() => { label.textContent = before; }, 2000);
    const dialog = button.closest("dialog");
    if (!dialog) return;
    dialog.dataset.copied = "yes";
    for (const ask of dialog.querySelectorAll("[data-ask]")) ask.hidden = true;
    for (const state of dialog.querySelectorAll("[data-state]")) state.textContent = "Copied";
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });

  // A dialog is rendered open, so that it shows without a script; with one it is modal, and a secret
  // that was not copied is asked about once before it goes.
  for (const dialog of document.querySelectorAll("dialog[open]")) {
    // Not `close()`, whose event would come later and be taken for the end of the dialog.
    dialog.removeAttribute("open");
    dialog.showModal();
    const ask = dialog.querySelector("[data-ask]");
    const hold = (event) => {
      if (!ask || !ask.hidden || dialog.dataset.copied) return;
      event.preventDefault();
      ask.hidden = false;
      const first = ask.querySelector("button, a");
      if (first) first.focus();
    };
    dialog.addEventListener("cancel", hold);
    const done = dialog.querySelector("[data-done]");
    if (done) done.addEventListener("click", hold);
    // A reload, and the way back, lead to the page without the secret.
    if (dialog.dataset.then) history.replaceState(null, "", dialog.dataset.then);
    dialog.addEventListener("close", () => {
      for (const secret of dialog.querySelectorAll("[data-secret]")) secret.textContent = "";
      if (dialog.dataset.then) location.replace(dialog.dataset.then);
    });
  }
})();
