// A conversation: bubbles by author, what became of each message, and the field to answer as a person.
// A draft has a key of its own, so however often it is sent, it becomes one message.

const STATES = {
  pending: ["schedule", "Waiting to be sent"], sending: ["schedule", "Being sent"], sent: ["check", "Sent"],
  delivered: ["done_all", "Delivered"], read: ["done_all", "Read"],
};
const ALARMS = {
  failed: ["error", "bad", "Not sent."], error: ["error", "bad", "Not sent."],
  unknown: ["help", "warn", "Nobody can say yet whether this reached the customer. It is not sent again by itself."],
  cancelled: ["block", "", "Not sent."],
};

export default function ({ data: packed, parentElement, setTriggerValue }) {
  const data = unpacked(packed);
  const root = parentElement.querySelector("[data-root]");
  root.classList.toggle("dark", isDark(root));
  const parts = root.__parts || (root.__parts = build(root));
  parts.told = { data, tell: reports(root, data.heard, setTriggerValue) };
  // What has not changed stays as it is: a text that is being marked, a link that is being pressed.
  const shown = JSON.stringify([data.messages, data.older, data.settled]);
  if (shown !== parts.shown || parts.conversation !== data.conversation) showMessages(parts, data);
  parts.shown = shown;
  showComposer(parts, data);
  const unfill = fillHeight(parts.frame, data.below ? 300 : 380, data.below);
  const clock = setInterval(() => showHint(parts, data), 20000);
  return () => { clearInterval(clock); unfill(); };
}

function build(root) {
  const frame = element("div", "frame");
  const messages = element("div", "messages");
  messages.setAttribute("role", "log");
  messages.setAttribute("aria-label", "Messages");
  messages.tabIndex = 0;
  const form = element("form", "composer");
  const field = element("textarea");
  field.rows = 1;
  const send = element("button", "send");
  send.type = "submit";
  send.append(symbol("send"), element("span", "label", "Send"));
  const hint = element("div", "hint");
  hint.setAttribute("aria-live", "polite");
  form.append(field, send, hint);
  frame.append(messages, form);
  root.replaceChildren(frame);
  const parts = { frame, messages, form, field, send, hint, ghosts: [], shown: null, conversation: null };
  // Who reads the newest message goes on seeing it when the thread gets less room.
  let atEnd = true;
  messages.addEventListener("scroll", () => { atEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 60; });
  new ResizeObserver(() => { if (atEnd) messages.scrollTop = messages.scrollHeight; }).observe(messages);
  field.oninput = () => { grow(field); keepDraft(parts); showHint(parts, parts.told.data); };
  field.onkeydown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  };
  form.onsubmit = (event) => { event.preventDefault(); submit(parts); };
  return parts;
}

function submit(parts) {
  const { data, tell } = parts.told;
  const text = parts.field.value.trim();
  if (!text || !data.composer.enabled) return;
  const key = draft(data.conversation).key;
  parts.ghosts.push({ key, text, conversation: data.conversation });
  forgetDraft(data.conversation);
  parts.field.value = "";
  grow(parts.field);
  showMessages(parts, data);
  parts.messages.scrollTop = parts.messages.scrollHeight;
  tell("reply", { key, text, conversation: data.conversation });
}

function showMessages(parts, data) {
  const box = parts.messages;
  const changed = parts.conversation !== data.conversation;
  const atBottom = changed || box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  const fromBottom = box.scrollHeight - box.scrollTop;
  const newest = data.messages.length ? data.messages[data.messages.length - 1].id : null;
  const grew = !changed && parts.newest !== newest;
  const oldest = data.messages.length ? data.messages[0].id : null;
  const older = !changed && parts.oldest !== oldest;
  parts.ghosts = parts.ghosts.filter((ghost) => ghost.conversation === data.conversation && !data.settled.includes(ghost.key));
  const nodes = [];
  if (data.older) nodes.push(button("older", "Show earlier messages", () => parts.told.tell("older", null)));
  if (!data.messages.length && !parts.ghosts.length) nodes.push(element("div", "blank", "No messages yet."));
  let day = "", last = null;
  for (const message of data.messages) {
    const date = new Date(message.at).toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long" });
    if (date !== day) { nodes.push(element("div", "day", date)); day = date; last = null; }
    nodes.push(message.kind === "note" ? note(message) : bubble(message, last, parts));
    last = message.kind === "note" ? null : message;
  }
  parts.ghosts.forEach((ghost) => nodes.push(bubble({ kind: "out", author: "human", who: "You", text: ghost.text, at: new Date().toISOString(), state: "pending", media: [] }, last, parts)));
  const newer = button("newer", "New message below", () => { box.scrollTop = box.scrollHeight; newer.hidden = true; });
  newer.hidden = atBottom || !grew;
  nodes.push(newer);
  box.replaceChildren(...nodes);
  if (atBottom) { box.scrollTop = box.scrollHeight; requestAnimationFrame(() => { box.scrollTop = box.scrollHeight; }); }
  else if (older) box.scrollTop = box.scrollHeight - fromBottom;
  box.onscroll = () => { if (box.scrollHeight - box.scrollTop - box.clientHeight < 60) newer.hidden = true; };
  Object.assign(parts, { newest, oldest });
}

function note(message) {
  const time = new Date(message.at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  return element("div", "note", `${message.text} · ${time}`);
}

function bubble(message, last, parts) {
  const joined = last && last.kind === message.kind && last.who === message.who && new Date(message.at) - new Date(last.at) < 300000;
  const box = element("div", `message ${message.kind} ${message.author}` + (joined ? " joined" : "") + (message.state === "cancelled" ? " dim" : ""));
  if (message.id) box.dataset.id = message.id;
  if (!joined && message.kind === "out") {
    const who = element("span", "who");
    who.append(symbol({ ai: "smart_toy", human: "person", system: "settings" }[message.author] || "person"), element("span", "", message.who));
    box.append(who);
  }
  const body = element("div", "bubble");
  linked(body, message.text);
  message.media.forEach((file) => body.append(media(file)));
  box.append(body);
  const alarm = ALARMS[message.state];
  if (alarm) {
    const sentence = element("div", "alarm " + alarm[1]);
    sentence.append(symbol(alarm[0]), element("span", "", message.error || alarm[2]));
    box.append(sentence);
  }
  box.append(under(message, parts));
  return box;
}

function under(message, parts) {
  const line = element("div", "under");
  const time = element("time", "", new Date(message.at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = message.at;
  line.append(time);
  const state = message.kind === "out" && STATES[message.state];
  if (state) {
    const mark = element("span", "state " + message.state);
    mark.title = state[1];
    mark.append(symbol(state[0]));
    mark.setAttribute("aria-label", state[1]);
    line.append(mark);
  }
  if (message.template) {
    const sent = element("span", "template");
    sent.append(symbol("verified"), element("span", "", `Approved template “${message.template}”`));
    line.append(sent);
  }
  if (message.why) line.append(button(message.why.quiet ? "ask quiet" : "ask", message.why.text, () => parts.told.tell("why", message.id)));
  return line;
}

// Addresses become links; everything else stays text.
function linked(box, text) {
  let from = 0;
  for (const found of text.matchAll(/https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/g)) {
    box.append(text.slice(from, found.index), outside(found[0], found[0]));
    from = found.index + found[0].length;
  }
  box.append(text.slice(from));
}

function media(file) {
  const line = element("span", "media");
  const kind = (file.content_type || "").split("/")[0];
  line.append(symbol({ image: "image", audio: "mic", video: "movie" }[kind] || "attach_file"));
  const name = file.name || { image: "Picture", audio: "Voice message", video: "Video" }[kind] || "File";
  line.append(/^https?:\/\//.test(file.url) ? outside(file.url, name) : element("span", "", name));
  return line;
}

function outside(address, text) {
  const link = element("a", "", text);
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}

function showComposer(parts, data) {
  const { field, send } = parts;
  if (parts.conversation !== data.conversation) {
    parts.conversation = data.conversation;
    field.value = draft(data.conversation).text;
    grow(field);
  }
  if (data.refused && data.refused.key !== parts.refused) {
    parts.refused = data.refused.key;
    if (!field.value) { field.value = data.refused.text; grow(field); keepDraft(parts); }
  }
  field.placeholder = data.composer.placeholder;
  field.setAttribute("aria-label", data.composer.placeholder);
  field.disabled = send.disabled = !data.composer.enabled;
  field.maxLength = data.composer.max_length;
  showHint(parts, data);
}

function showHint(parts, data) {
  const { hint } = parts;
  let text = data.composer.hint, tone = data.composer.enabled ? "" : "warn";
  if (data.refused && parts.field.value === data.refused.text) { text = data.refused.sentence; tone = "bad"; }
  else if (data.composer.enabled && data.composer.open_until) {
    const minutes = Math.floor((new Date(data.composer.open_until) - Date.now()) / 60000);
    if (minutes < 0) { text = data.composer.closed; tone = "warn"; parts.field.disabled = parts.send.disabled = true; }
    else { text += ` WhatsApp lets you reply for another ${minutes >= 60 ? Math.floor(minutes / 60) + " h " : ""}${minutes % 60} min.`; if (minutes < 120) tone = "warn"; }
  }
  hint.textContent = text;
  hint.className = "hint " + tone;
}

function grow(field) { field.style.height = "auto"; field.style.height = Math.min(180, field.scrollHeight + 2) + "px"; }
function button(className, text, onclick) { const made = element("button", className, text); made.type = "button"; made.onclick = onclick; return made; }

function draft(conversation) {
  const kept = JSON.parse(sessionStorage.getItem("draft:" + conversation) || "null");
  if (kept) return kept;
  const fresh = { key: newKey(), text: "" };
  sessionStorage.setItem("draft:" + conversation, JSON.stringify(fresh));
  return fresh;
}
function keepDraft(parts) { const kept = draft(parts.conversation); kept.text = parts.field.value; sessionStorage.setItem("draft:" + parts.conversation, JSON.stringify(kept)); }
function forgetDraft(conversation) { sessionStorage.removeItem("draft:" + conversation); }
// crypto.randomUUID exists on https and localhost only; the pages may also be served to a local network over http.
function newKey() { return ([1e7] + -1e3 + -4e3 + -8e3 + -1e11).replace(/[018]/g, (c) => (c ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (c / 4)))).toString(16)); }
