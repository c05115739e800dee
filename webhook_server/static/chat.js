// The chat window: sends what the visitor writes until it has arrived, and shows what comes back.

import { Store, newId } from "./chat-store.js";
import { View } from "./chat-view.js";

const { connection, accent, welcome, title, embedded } = document.body.dataset;
const find = (id) => document.getElementById(id);
const store = new Store(connection);
const view = new View({ thread: find("thread"), scroll: find("scroll"), typing: find("typing") });
const SILENCE_MS = 40_000; // the server says something every 15 s
const TRIES_MS = [1000, 2000, 4000, 8000, 15000];

let flushing = false;
let streaming = null; // AbortController of the open stream
let holder = ""; // who answers, as shown last
let unread = 0;

// ---- calls

function address(path, query = {}) {
  return `/api/chat/${path}?${new URLSearchParams({ connection, ...query })}`;
}

async function knownVisitor() {
  if (store.visitor) return store.visitor;
  const answer = await fetch(address("visitors"), { method: "POST" });
  if (!answer.ok) throw await asError(answer);
  const { visitor, token } = await answer.json();
  store.visitor = { visitor, token, started: false };
  return store.visitor;
}

async function asError(answer) {
  const body = await answer.json().catch(() => ({}));
  const error = new Error(body.error?.message ?? "The message could not be sent.");
  error.status = answer.status;
  error.waitMs = 1000 * Number(answer.headers.get("retry-after") ?? 0);
  return error;
}

async function post(item) {
  const { visitor, token } = await knownVisitor();
  const answer = await fetch(address("messages"), {
    method: "POST",
    headers: { "content-type": "application/json", "x-visitor-token": token },
    body: JSON.stringify({ visitor, message_id: item.message_id, text: item.text, name: "" }),
  });
  if (!answer.ok) throw await asError(answer);
  store.visitor = { visitor, token, started: true };
}

// ---- sending

async function flush(attempt = 0) {
  if (flushing) return;
  flushing = true;
  let wait = 0;
  try {
    for (let item; !wait && (item = store.queue[0]); ) wait = await sendOne(item, attempt);
  } finally {
    flushing = false;
  }
  if (wait) setTimeout(() => flush(attempt + 1), wait);
}

// Returns the milliseconds to wait before another try, 0 = done with this one.
async function sendOne(item, attempt) {
  try {
    await post(item);
    store.drop(item.message_id);
    view.own(item, "stored");
    say("");
    follow();
    return 0;
  } catch (error) {
    if (error.status === 403 && store.visitor) {
      store.visitor = null; // the token is not valid any more: begin anew
      return 1;
    }
    if (error.status && error.status < 500 && error.status !== 429) {
      store.drop(item.message_id);
      view.failed(item.message_id, error.message);
      return 0;
    }
    say(error.status === 429 ? error.message : "No connection. Your message is kept and sent as soon as possible.");
    return error.waitMs || TRIES_MS[Math.min(attempt, TRIES_MS.length - 1)];
  }
}

function write(text) {
  const item = { message_id: newId(), text, at: new Date().toISOString() };
  store.push(item);
  view.own(item, "sending");
  flush();
}

// ---- receiving

async function follow() {
  if (streaming || !store.visitor?.started) return;
  const control = (streaming = new AbortController());
  for (let attempt = 0; streaming === control; attempt++) {
    const heard = await listen(control.signal).catch(() => false);
    if (heard) attempt = 0;
    if (heard === null) break;
    await pause(TRIES_MS[Math.min(attempt, TRIES_MS.length - 1)] * (0.75 + Math.random() / 2));
  }
  if (streaming === control) streaming = null;
}

// One connection, until it ends. Returns whether anything came, null = the visitor is unknown.
async function listen(signal) {
  const { visitor, token } = store.visitor;
  const silence = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
  };
  heard();
  try {
    const answer = await fetch(address("stream", { visitor }), {
      headers: { "x-visitor-token": token },
      signal: AbortSignal.any ? AbortSignal.any([signal, silence.signal]) : silence.signal,
    });
    if (answer.status === 403) return null;
    if (!answer.ok) return false;
    await readEvents(answer.body.getReader(), heard);
    return true;
  } finally {
    clearTimeout(timer);
  }
}

async function readEvents(reader, heard) {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    text += decoder.decode(value, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop();
    blocks.forEach(readEvent);
  }
}

function readEvent(block) {
  const name = /^event: (.*)$/m.exec(block)?.[1];
  const data = /^data: (.*)$/m.exec(block)?.[1];
  if (name === "messages") showMessages(JSON.parse(data).messages);
  if (name === "status") showStatus(JSON.parse(data));
}

function showMessages(messages) {
  const first = view.entries.length <= 1;
  const fresh = messages.filter((message) => view.message(message) && message.from !== "visitor");
  if (!first && fresh.length && (document.hidden || embedded === "true")) count(unread + fresh.length);
}

function showStatus(status) {
  view.isTyping(status.typing);
  const now = status.owner === "ai" ? "ai" : status.person || "asked";
  if (holder && holder !== now) view.line(news(now));
  holder = now;
  find("presence").textContent = presence(now);
}

// `who` answers: "ai", a person's name, or "asked" while nobody has taken the conversation yet.
function news(who) {
  if (who === "ai") return "Answers are automatic again";
  return who === "asked" ? "A person has been asked to answer here" : `${who} joined the chat`;
}

function presence(who) {
  if (who === "ai") return "Automatic answers, or a person";
  return who === "asked" ? "A person has been asked to answer" : `You are talking with ${who}`;
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// ---- the window

function say(text) {
  find("notice").textContent = text;
  find("notice").hidden = !text;
}

function count(number) {
  unread = number;
  document.title = unread ? `(${unread}) ${title}` : title;
  if (embedded === "true") parent.postMessage({ frontdesk: "unread", count: unread }, "*");
}

function paint() {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(accent.slice(at, at + 2), 16) / 255);
  const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  const style = document.documentElement.style;
  style.setProperty("--accent", accent);
  style.setProperty("--on-accent", light > 0.3 ? "#10151a" : "#ffffff");
  find("mark").textContent = [...title.trim()][0]?.toUpperCase() ?? "";
}

function listenToVisitor() {
  const text = find("text");
  const fit = () => {
    find("send").disabled = !text.value.trim();
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
  };
  find("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!text.value.trim()) return;
    write(text.value.trim());
    text.value = "";
    fit();
    text.focus();
  });
  text.addEventListener("input", fit);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      find("composer").requestSubmit();
    }
  });
  addEventListener("online", () => flush());
  document.addEventListener("visibilitychange", () => !document.hidden && embedded !== "true" && count(0));
}

function listenToHost() {
  if (embedded !== "true") return;
  const close = () => parent.postMessage({ frontdesk: "close" }, "*");
  find("close").hidden = false;
  find("close").addEventListener("click", close);
  addEventListener("keydown", (event) => event.key === "Escape" && close());
  addEventListener("message", (event) => {
    if (event.source !== parent || event.data?.frontdesk !== "opened") return;
    count(0);
    find("text").focus();
    view.toTheEnd();
  });
  parent.postMessage({ frontdesk: "ready" }, "*");
}

paint();
view.welcome(welcome, title);
store.queue.forEach((item) => view.own(item, "sending"));
listenToVisitor();
listenToHost();
flush();
follow();
if (embedded !== "true") find("text").focus({ preventScroll: true });
