"use strict";

// Plays a phone and its gateway: what is typed goes to POST /ussd/, and what comes back is on the screen.

const LONGEST_S = 15;
const LOCKED =
  "This API has a USSD_KEY: only who sends it as X-Gateway-Key may dial, and this page does not. " +
  "In a terminal: .venv/bin/quittance ussd";
const AWAY = "The API does not answer. Is it running?";
const SLOW = `No answer within ${LONGEST_S} seconds.`;
const AGAIN = "Dial again, to go on where you were.";
const STATES = { idle: "Ready", ended: "Call ended", waiting: "One moment…", asked: "On a call" };

const [callForm, number, message, state, trouble, replyForm, answer, dial, send, erase, hang] = [
  "call", "number", "message", "state", "trouble", "reply", "answer", "dial", "send", "erase", "hang",
].map((id) => document.getElementById(id));
const keys = [...document.querySelectorAll("#keys button")];
const hasMouse = matchMedia("(pointer: fine)").matches; // elsewhere focus would cover the keys with another keyboard

let call = null; // while one is on: {session, msisdn, gone: AbortController}

class Refused extends Error {}

function become(name) {
  document.body.dataset.state = name;
  state.textContent = STATES[name];
  const asked = name === "asked";
  number.disabled = dial.disabled = call !== null;
  hang.disabled = call === null;
  for (const key of [send, erase, ...keys]) key.disabled = !asked;
  answer.disabled = call === null;
  answer.readOnly = !asked;
  if (hasMouse && asked) answer.focus();
  if (hasMouse && call === null && [document.body, answer, hang].includes(document.activeElement)) dial.focus();
}

function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function ask(talk, typed) {
  const body = JSON.stringify({ sessionid: talk.session, msisdn: talk.msisdn, message: typed });
  const headers = { "Content-Type": "application/json" };
  const patience = setTimeout(() => talk.gone.abort(SLOW), LONGEST_S * 1000);
  try {
    const response = await fetch("/ussd/", { method: "POST", headers, body, signal: talk.gone.signal });
    if (!response.ok) throw await refusal(response);
    return await response.json();
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused(`${talk.gone.signal.reason === SLOW ? SLOW : AWAY} ${AGAIN}`);
  } finally {
    clearTimeout(patience);
  }
}

async function refusal(response) {
  if (response.status === 401) return new Refused(LOCKED);
  const problem = await response.json().catch(() => ({}));
  const [wrong] = problem.errors ?? [];
  if (wrong) return new Refused(wrong.pointer === "/msisdn" ? `Your number: ${wrong.detail}` : wrong.detail);
  const said = `The API answered ${response.status}: ${problem.detail ?? response.statusText}`;
  return new Refused(response.status < 500 ? said : `${said} ${AGAIN}`);
}

// What got no answer is not sent again: it may have been taken, and would answer the next question. Dialling is safe.
async function step(typed) {
  const mine = call;
  become("waiting");
  try {
    const shown = await ask(mine, typed);
    if (call !== mine) return; // hung up meanwhile
    message.textContent = shown.message;
    if (shown.command === "END") call = null;
  } catch (error) {
    if (call !== mine) return;
    message.textContent = "";
    trouble.textContent = error.message;
    call = null;
  }
  answer.value = "";
  become(call ? "asked" : "ended");
}

function hangUp() {
  call.gone.abort();
  call = null;
  message.textContent = trouble.textContent = answer.value = "";
  become("ended");
}

function type(text) {
  answer.setRangeText(text, answer.selectionStart, answer.selectionEnd, "end");
}

callForm.addEventListener("submit", (event) => {
  event.preventDefault();
  if (call) return;
  call = { session: randomId(), msisdn: number.value.trim(), gone: new AbortController() };
  message.textContent = trouble.textContent = "";
  step("");
});

replyForm.addEventListener("submit", (event) => {
  event.preventDefault();
  if (document.body.dataset.state === "asked" && answer.value.trim()) step(answer.value.trim());
});

erase.addEventListener("click", () => {
  if (answer.selectionStart === answer.selectionEnd) answer.selectionStart = Math.max(0, answer.selectionEnd - 1);
  type("");
});

hang.addEventListener("click", hangUp);

for (const key of keys) key.addEventListener("click", () => type(key.textContent));

// A pressed key leaves the focus, and with it the caret, where it was.
document.addEventListener("mousedown", (event) => {
  if (event.target.closest("button")) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (!call || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const onKey = event.target.closest("button") !== null;
  if (event.key === "Escape") hangUp();
  else if (event.target === answer) return;
  else if (event.key === "Backspace" || (event.key.length === 1 && event.key !== " ")) answer.focus();
  else if (event.key === "Enter" && !onKey && !event.repeat) replyForm.requestSubmit();
});

// The inbox: asked for again and again while the page is seen. Without an inbox, or without an answer, the phone works on.

const LOOK_EVERY_S = 2;
const [inbox, messages, none] = ["inbox", "messages", "no-messages"].map((id) => document.getElementById(id));
let looking = null; // while there is an inbox: {timer, gone: AbortController}
let owner = ""; // of the messages that are shown
let seen = new Set();

async function look(mine) {
  const asked = number.value.trim();
  try {
    const query = new URLSearchParams({ msisdn: asked });
    const response = await fetch(`/ussd/phone/inbox?${query}`, { cache: "no-store", signal: mine.gone.signal });
    if (response.status === 204 || response.status === 404) return rest(mine); // there is none here
    if (response.ok) list(asked, (await response.json()).messages);
  } catch {
    // not answered: asked again
  }
  if (looking === mine) mine.timer = setTimeout(look, LOOK_EVERY_S * 1000, mine);
}

function list(asked, found) {
  if (asked !== number.value.trim()) return; // another number meanwhile
  if (asked !== owner) forget();
  owner = asked;
  for (const sms of found.filter((each) => !seen.has(each.id)).reverse()) {
    const time = Object.assign(document.createElement("time"), { dateTime: sms.at });
    time.textContent = new Date(sms.at).toLocaleTimeString();
    const words = document.createElement("p");
    words.textContent = sms.text;
    const item = document.createElement("li");
    item.append(time, words);
    messages.prepend(item);
    seen.add(sms.id);
  }
  none.hidden = seen.size > 0;
  inbox.hidden = false;
}

function forget() {
  messages.replaceChildren();
  seen = new Set();
  none.hidden = false;
}

function rest(mine) {
  if (looking !== mine || mine === null) return;
  clearTimeout(mine.timer);
  mine.gone.abort();
  looking = null;
}

function watch() {
  rest(looking);
  if (document.hidden) return;
  looking = { timer: 0, gone: new AbortController() };
  look(looking);
}

document.addEventListener("visibilitychange", watch);
number.addEventListener("change", () => {
  forget();
  watch();
});

become("idle");
watch();
