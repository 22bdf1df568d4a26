// A page with a task that has not ended shows how it goes on, until it has; without JavaScript the operator loads it anew.
// What somebody is writing is never taken away: while they do, only what is said of the tasks changes.
const WAIT_MS = 1000;
const TOLD = ".task, .effect";
const FIELDS = "input, select, textarea";

function changed(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.options) {
    const chosen = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(chosen, 0);
  }
  return field.value !== field.defaultValue;
}

const writes = (main) =>
  (main.contains(document.activeElement) && document.activeElement.matches(FIELDS)) ||
  [...main.querySelectorAll(FIELDS)].some(changed);

function show(main, fresh) {
  if (!writes(main)) return main.replaceWith(fresh);
  const [there, anew] = [main, fresh].map((page) => [...page.querySelectorAll(TOLD)]);
  if (there.length === anew.length) there.forEach((place, at) => place.replaceWith(anew[at]));
}

async function look() {
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
      if (fresh) show(document.querySelector("main"), fresh);
    }
  } catch {
    // The next look may be better.
  }
  wait();
}

function wait() {
  if (document.querySelector('.task[data-state="waiting"], .task[data-state="running"]')) setTimeout(look, WAIT_MS);
}

wait();
