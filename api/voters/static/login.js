// The proof of work of the login form (ALTCHA), done while the voter types. The widget stays out of sight: where it
// cannot run (an old browser, no secure context) or is not done in time, the form goes without a proof.

import { fill, words } from "./site.js";

const LONGEST_WAIT_MS = 60000; // under load the work grows

const widget = document.querySelector("altcha-widget");
const form = widget && widget.closest("form");
let proving = null;

async function prepare() {
  if (!window.isSecureContext || !window.customElements || !window.Worker) return;
  const ready = new Promise((resolve) => widget.addEventListener("load", resolve, { once: true }));
  await import("./altcha.js");
  await ready;
  const worker = () => new Worker(new URL("./altcha-worker.js", import.meta.url));
  window.$altcha.algorithms.set("PBKDF2/SHA-256", worker);
  widget.configure({ display: "invisible", minDuration: 0, humanInteractionSignature: false });
  form.addEventListener("focusin", prove);
  form.addEventListener("click", waitForProof, { capture: true });
  if (form.contains(document.activeElement)) prove();
}

/** What the widget says of its proof; "removed" where there will be none. */
function proof() {
  return form.contains(widget) ? widget.getState() : "removed";
}

/** Ends when there is a proof, and when this try has failed. */
function prove() {
  if (["verified", "verifying", "removed"].includes(proof())) return proving;
  proving = widget.verify();
  return proving;
}

/** The form's button before the proof is there: says so, and presses itself again. */
function waitForProof(event) {
  const button = event.target.closest("button");
  if (!button || button.hasAttribute("formaction") || ["verified", "removed"].includes(proof())) return;
  event.preventDefault();
  event.stopPropagation();
  if (button.getAttribute("aria-disabled") === "true") return;
  const place = document.createElement("p");
  place.setAttribute("role", "status");
  button.after(place);
  fill(place, words.proving);
  button.setAttribute("aria-disabled", "true");
  const late = new Promise((resolve) => setTimeout(resolve, LONGEST_WAIT_MS));
  const go = () => {
    place.remove();
    button.removeAttribute("aria-disabled");
    if (proof() !== "verified") widget.remove(); // its box, still to be ticked, would hold the form up
    button.click();
  };
  Promise.race([prove(), late]).then(go, go);
}

if (form) prepare().catch(() => widget.remove());
