// Says some minutes before the session ends that it does, and lets the operator go on. Looking keeps no session alive.
const ADDRESS = "/operator/session";
const SOON_S = 5 * 60;
const AGAIN_S = 30;

const place = document.getElementById("session-end");
let timer;

function say(what) {
  place.hidden = !what;
  for (const one of place.querySelectorAll("[data-say]")) one.hidden = one.dataset.say !== what;
}

// left: seconds until the session ends; lasts: until it does whatever is done.
function plan(left, lasts) {
  clearTimeout(timer);
  if (left <= 0) return say("over");
  if (left > SOON_S) {
    say("");
    timer = setTimeout(look, (left - SOON_S) * 1000);
  } else {
    say(lasts <= SOON_S ? "last" : "idle");
    timer = setTimeout(look, (left + 1) * 1000);
  }
}

async function ask(options) {
  clearTimeout(timer);
  try {
    const answer = await fetch(ADDRESS, { redirect: "manual", ...options });
    if (answer.type === "opaqueredirect") return plan(0, 0);
    if (!answer.ok) throw new Error(answer.status);
    const { left_s, lasts_s } = await answer.json();
    plan(left_s, lasts_s);
  } catch {
    timer = setTimeout(look, AGAIN_S * 1000); // the server is away, which says nothing about the session
  }
}

const look = () => ask({});

place.querySelector("button").addEventListener("click", () => {
  ask({ method: "POST", body: new URLSearchParams({ csrf: place.dataset.csrf }) });
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look(); // timers stand still while the device sleeps
});
const left = Number(document.body.dataset.left);
if (left > SOON_S) plan(left, left);
else look();
