// Names and keys for what the admin's widgets leave nameless or to the mouse alone.
"use strict";

function nameOf(select) {
  const label = select.id && document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
  return select.getAttribute("aria-label") || (label ? label.textContent.replace("*", "").trim() : "");
}

function nameSelections() {
  for (const container of document.querySelectorAll(".select2-container")) {
    const select = container.previousElementSibling;
    if (!select || select.tagName !== "SELECT") continue;
    const combobox = container.querySelector("[role=combobox]");
    for (const part of [combobox, container.querySelector("[role=textbox]")]) part?.setAttribute("aria-label", nameOf(select));
    combobox?.removeAttribute("aria-labelledby"); // it names the box by its value
    const list = combobox?.getAttribute("aria-owns");
    if (list) combobox.setAttribute("aria-controls", list);
    else combobox?.removeAttribute("aria-controls");
  }
  for (const box of document.querySelectorAll(".select2-search__field")) box.setAttribute("aria-label", "Search");
}

function giveKeys() {
  for (const link of document.querySelectorAll("a[x-on\\:click]:not([href])")) {
    link.setAttribute("role", "button");
    link.tabIndex = 0;
    link.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      link.click();
    });
  }
}

// A security key, to sign in or to confirm: what it answers goes into the form, which is sent.
function useSecurityKey() {
  const form = document.querySelector("form[data-second-factor]");
  const button = form?.querySelector("[data-security-key]");
  button?.addEventListener("click", async () => {
    const said = form.querySelector("[data-said]");
    try {
      const options = JSON.parse(form.querySelector("[data-options]").value);
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
      const credential = await navigator.credentials.get({ publicKey });
      form.querySelector("[data-method]").value = "webauthn";
      form.querySelector("[data-response]").value = JSON.stringify(credential.toJSON());
      HTMLFormElement.prototype.submit.call(form); // what is kept in the form may be called "submit" too
    } catch (problem) {
      said.textContent = "The key did not answer. Try again, or type a code.";
    }
  });
}

document.addEventListener("DOMContentLoaded", () => {
  useSecurityKey();
  giveKeys();
  nameSelections();
  // Selections are drawn anew when they open, close and change.
  new MutationObserver(nameSelections).observe(document.body, { childList: true, subtree: true, attributeFilter: ["aria-owns", "aria-expanded"] });
});
