// A page with a task that has not ended loads itself anew until it has. Without JavaScript the operator does.
const WAIT_MS = 1000;

async function look() {
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = fresh.querySelector("main");
      if (main) document.querySelector("main").replaceWith(main);
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
