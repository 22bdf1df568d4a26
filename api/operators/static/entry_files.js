// Files are sent one by one as soon as they are chosen or dropped; the server's own page brings the new rows.
const form = document.querySelector("form[data-files]");
const drop = form.querySelector("[data-drop]");
const rows = form.querySelector(".file-rows");
const input = form.querySelector("input[type=file]");
const state = form.querySelector("[data-state]");

form.querySelector("[data-send]").hidden = true;
form.querySelector("[data-drop-here]").hidden = false;

async function send(file) {
  const sent = new FormData();
  sent.append("csrf", form.elements.csrf.value);
  sent.append("version", form.elements.version.value);
  sent.append("files", file);
  const answer = await fetch(form.action, { method: "POST", body: sent });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const faults = [...page.querySelectorAll(".notice.bad li")].map((fault) => fault.textContent.trim());
  for (const row of page.querySelectorAll("li[data-new]")) {
    if (rows.querySelector(`[data-key="${row.dataset.key}"]`)) continue;
    rows.append(document.adoptNode(row));
    row.querySelector("[data-place]").value = rows.children.length;
  }
  if (!answer.ok && !faults.length) faults.push(page.querySelector("main p")?.textContent ?? form.dataset.broken);
  return faults;
}

async function sendAll(files) {
  const faults = [];
  drop.setAttribute("aria-busy", "true");
  for (const [at, file] of files.entries()) {
    state.textContent = `${form.dataset.busy} ${at + 1} / ${files.length}…`;
    try {
      faults.push(...(await send(file)));
    } catch {
      faults.push(`${file.name}: ${form.dataset.broken}`);
    }
  }
  drop.removeAttribute("aria-busy");
  state.textContent = faults.length ? faults.join(" ") : form.dataset.ready;
  state.classList.toggle("fault", faults.length > 0);
}

let sending = Promise.resolve();
function take(files) {
  const chosen = [...files];
  if (chosen.length) sending = sending.then(() => sendAll(chosen));
}

input.addEventListener("change", () => {
  take(input.files);
  input.value = "";
});
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  take(event.dataTransfer.files);
});
