// Every form of the console: a button that is pressed twice sends once, and what was typed is kept until the server says
// that it has done something with it. So nothing is lost when the session is over, or the server away, at that moment.
//
// Kept in this tab alone (sessionStorage), for the operator who typed it, until log-out: the fields of forms that are
// sent, but no passwords, codes and files, and nothing of a form with autocomplete="off" (people's addresses).
const PREFIX = "kept ";
const KEPT_MS = 12 * 3600 * 1000;
const AGAIN_MS = 5000;
const DONE = "operator_done_"; // a cookie: this press has done what it was for
const OWN = ["csrf", "press", "repeatable"];
const UNKEPT = ["password", "file", "submit", "button", "reset", "image"];

const who = document.body.dataset.operator ?? "";
const key = (form) => PREFIX + new URL(form.getAttribute("action") || location.pathname, location).pathname;
const fields = (form) =>
  [...form.elements].filter(
    (one) => one.name && !UNKEPT.includes(one.type) && !OWN.includes(one.name) && one.autocomplete !== "one-time-code",
  );
const isChoice = (field) => field.type === "checkbox" || field.type === "radio";
const valueOf = (field) => {
  if (isChoice(field)) return field.checked;
  return field.multiple ? [...field.selectedOptions].map((option) => option.value) : field.value.trim();
};
const isTyped = (field) => field.type !== "hidden" && !isChoice(field) && field.localName !== "select";

// [field, what names it in its form, what stands in it]
function contents(form) {
  const times = {};
  return fields(form).map((field) => {
    const which = isChoice(field) ? field.value : (times[field.name] = (times[field.name] ?? 0) + 1);
    return [field, `${field.name} ${which}`, valueOf(field)];
  });
}

function everythingKept() {
  const found = Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX));
  return found.map((name) => [name, JSON.parse(sessionStorage[name])]);
}

function keep(form) {
  if (!who || form.getAttribute("autocomplete") === "off") return;
  if (!fields(form).some((field) => isTyped(field) && field.value.trim())) return;
  // A form that came back with what is wrong stands at the address that it was sent to, where no page may be.
  const isAnswer = performance.getEntriesByType("navigation")[0]?.responseStatus >= 400;
  const before = isAnswer && sessionStorage[key(form)];
  const page = before ? JSON.parse(before).page : location.pathname + location.search;
  const title = document.querySelector("h1")?.textContent.trim() ?? "";
  const values = contents(form).map(([, name, value]) => [name, value]);
  const kept = { who, page, title, press: form.elements.press?.value, at: Date.now(), values };
  try {
    sessionStorage[key(form)] = JSON.stringify(kept);
  } catch {
    // No room: it is sent all the same.
  }
}

function fill(form, kept) {
  const values = new Map(kept.values);
  for (const [field, name] of contents(form)) {
    const value = values.get(name);
    if (value === undefined) continue;
    if (isChoice(field)) field.checked = value;
    else if (field.multiple) for (const option of field.options) option.selected = value.includes(option.value);
    else field.value = value;
    const folded = field.closest("details");
    if (folded && isTyped(field) && value) folded.open = true;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
  fields(form).find(isTyped)?.focus();
}

// Whether the form shows what was kept already: it came back with what is wrong.
function shows(form, kept) {
  const values = new Map(kept.values);
  const seen = contents(form).filter(([field]) => field.type !== "hidden");
  return seen.every(([, name, value]) => JSON.stringify(value) === JSON.stringify(values.get(name)));
}

function offer(name, kept) {
  const forms = [...document.querySelectorAll('form[method="post"]')];
  const form = forms.find((one) => key(one) === name && fields(one).some(isTyped));
  if (form ? shows(form, kept) : !kept.lost) return;
  const template = document.getElementById(form ? "kept-here" : "kept-elsewhere");
  const notice = template.content.cloneNode(true).firstElementChild;
  if (form) form.before(notice);
  else document.querySelector("main").prepend(notice);
  const link = notice.querySelector("a");
  link?.setAttribute("href", kept.page);
  if (kept.title) link?.append(`: ${kept.title}`);
  notice.querySelector("[data-fill]")?.addEventListener("click", () => {
    notice.remove();
    fill(form, kept);
  });
  notice.querySelector("[data-drop]").addEventListener("click", () => {
    notice.remove();
    sessionStorage.removeItem(name);
  });
}

// Nobody is logged in here, or something is away: it is kept for later, and this page says so.
function wait(name, kept) {
  sessionStorage[name] = JSON.stringify({ ...kept, lost: true });
  const main = document.querySelector("main");
  if (!main.querySelector(".unsaved")) main.prepend(document.getElementById("kept-still").content.cloneNode(true));
}

function look() {
  for (const [name, kept] of everythingKept()) {
    const isDone = document.cookie.includes(`${DONE}${kept.press}=`);
    const isOver = isDone || Date.now() - kept.at > KEPT_MS || (who && kept.who !== who);
    if (isOver) sessionStorage.removeItem(name);
    else if (who) offer(name, kept);
    else wait(name, kept);
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  if ((event.submitter?.getAttribute("formtarget") ?? form.getAttribute("target") ?? "_self") !== "_self") return;
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, AGAIN_MS); // a download leaves the page as it is
  if (key(form) === `${PREFIX}/operator/logout`) {
    for (const [name] of everythingKept()) sessionStorage.removeItem(name);
  } else if (!event.submitter?.hasAttribute("formaction")) {
    // A preview of the same form may have been answered before.
    document.cookie = `${DONE}${form.elements.press?.value}=; Path=/operator; Max-Age=0; SameSite=Lax`;
    keep(form);
  }
});
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const form of document.forms) delete form.dataset.sent;
});
look();
new MutationObserver(look).observe(document.body, { childList: true }); // task.js brings another main
