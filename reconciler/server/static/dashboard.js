// Keeps the page current: asks for it again every two seconds with its ETag, and where the answer differs changes only
// what differs, so that selections, open details and the scroll position stay. The server renders; nothing is built here.

const POLL = 2000; // ms
const STALE = 120; // s without a new look of the daemon's, after which the page says so

let etag = document.documentElement.dataset.etag;
let lost = null; // since when the server does not answer
let looked = null; // when the daemon last looked at the fleet, by the server's clock
let skew = 0; // ms that the server's clock is ahead of ours

function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
  } else if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
  } else if (old.nodeType === Node.ELEMENT_NODE) {
    if (old.nodeName === "TIME" && old.dateTime === fresh.dateTime) return;
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    morphChildren(old, fresh);
  }
}

function morphChildren(old, fresh) {
  const byId = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  let here = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    let match = wanted.id ? byId.get(wanted.id) : here && !here.id ? here : null;
    if (!match) {
      old.insertBefore(wanted, here);
      continue;
    }
    if (match === here) here = here.nextSibling;
    else old.insertBefore(match, here);
    morph(match, wanted);
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
}

function ago(seconds) {
  if (seconds < 5) return "just now";
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

function tellTimes() {
  const now = Date.now() + skew;
  for (const time of document.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    if (!time.title) time.title = time.textContent;
    const text = ago(Math.max(0, (now - at) / 1000));
    if (time.textContent !== text) time.textContent = text;
  }
}

function tellPulse() {
  const pulse = document.getElementById("pulse");
  let text = "";
  if (lost) text = `No answer from the server since ${lost.toLocaleTimeString()}: what you see is from then.`;
  else if (looked && Date.now() + skew - looked > STALE * 1000) text = "The daemon has stopped looking at the fleet.";
  if (pulse.textContent !== text) pulse.textContent = text;
  document.documentElement.classList.toggle("stale", text !== "");
}

async function poll() {
  try {
    const answer = await fetch(location.pathname, { headers: { "If-None-Match": etag }, cache: "no-store" });
    if (!answer.ok && answer.status !== 304) throw new Error(answer.statusText);
    lost = null;
    looked = new Date(answer.headers.get("X-Generated-At"));
    skew = new Date(answer.headers.get("Date")) - Date.now();
    if (answer.status === 200) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      etag = answer.headers.get("ETag");
      document.title = page.title;
      for (const id of ["top", "main"]) morph(document.getElementById(id), page.getElementById(id));
    } else {
      document.querySelector("#top .pulse time").dateTime = answer.headers.get("X-Generated-At");
    }
  } catch {
    lost ??= new Date();
  }
  tellPulse();
  tellTimes();
}

tellTimes();
setInterval(() => document.hidden || poll(), POLL);
document.addEventListener("visibilitychange", () => document.hidden || poll());
