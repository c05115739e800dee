// Draws the thread. Text from anybody becomes text nodes only, never markup.

const LINK = /https?:\/\/[^\s<>"']+/g;
const CLOCK = "M12 7v5l3 2M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18";
const TICK = "M5 13l4 4L19 7";
const TICKS = "M2 13l4 4L15 7M10 15l2 2L22 7";
const STATES = {
  sending: { text: "Sending…", icon: CLOCK },
  stored: { text: "Sent", icon: TICK },
  received: { text: "Delivered", icon: TICKS },
};

export class View {
  constructor(elements) {
    Object.assign(this, elements); // thread, scroll, typing
    this.entries = []; // {key, seq, element, who}, in the order shown
    this.#stayAtTheEndOnResize();
  }

  welcome(text, name) {
    this.#place({ key: "welcome", seq: 0, from: "automatic", name, text, media: [] });
  }

  // A message of the visitor that has not come back from the server yet.
  own(item, state) {
    const known = this.#entry(item.message_id);
    if (!known) this.#place({ key: item.message_id, seq: Infinity, from: "visitor", text: item.text, at: item.at, media: [] });
    this.#showState(this.#entry(item.message_id), state);
  }

  failed(messageId, sentence) {
    const entry = this.#entry(messageId);
    entry.foot.className = "foot failed";
    entry.foot.textContent = sentence;
  }

  // A message as the server has it; returns whether it is new here.
  message(message) {
    const key = message.client_id || message.id;
    const known = this.#entry(key);
    if (known) {
      this.#move(known, message.seq);
    } else {
      this.#place({ ...message, key });
    }
    if (message.from === "visitor") this.#showState(this.#entry(key), "received");
    return !known;
  }

  // A line between the messages: somebody joined.
  line(text) {
    const element = make("li", "line", text);
    this.#keepingTheEnd(() => this.thread.append(element));
    const last = this.entries.filter((entry) => entry.seq !== Infinity).at(-1);
    this.entries.push({ key: `line-${this.entries.length}`, seq: last ? last.seq : 0, element, who: "line" });
  }

  isTyping(on) {
    this.#keepingTheEnd(() => (this.typing.hidden = !on));
  }

  toTheEnd() {
    this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  #entry(key) {
    return this.entries.find((entry) => entry.key === key);
  }

  #place(message) {
    const entry = draw(message);
    this.#insert(entry);
    if (message.from === "visitor") this.toTheEnd();
  }

  #move(entry, seq) {
    if (entry.seq === seq) return;
    this.entries.splice(this.entries.indexOf(entry), 1);
    entry.seq = seq;
    this.#insert(entry);
  }

  #insert(entry) {
    let at = this.entries.findIndex((other) => other.seq > entry.seq);
    if (at < 0) at = this.entries.length;
    const next = this.entries[at];
    this.#keepingTheEnd(() => {
      if (!entry.element.isConnected || entry.element.nextElementSibling !== (next?.element ?? null)) {
        this.thread.insertBefore(entry.element, next?.element ?? null);
      }
      this.entries.splice(at, 0, entry);
      this.#group();
    });
  }

  #group() {
    let before = "";
    for (const entry of this.entries) {
      entry.element.classList.toggle("follows", entry.who === before);
      before = entry.who;
    }
  }

  // A keyboard or a notice that takes room must not hide the newest message.
  #stayAtTheEndOnResize() {
    let atEnd = true;
    this.scroll.addEventListener("scroll", () => (atEnd = this.#isAtTheEnd()));
    new ResizeObserver(() => atEnd && this.toTheEnd()).observe(this.scroll);
  }

  #isAtTheEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.scroll;
    return scrollHeight - scrollTop - clientHeight < 80;
  }

  // Whoever reads at the end stays at the end; whoever scrolled up is left in peace.
  #keepingTheEnd(change) {
    const atEnd = this.#isAtTheEnd();
    change();
    if (atEnd) this.toTheEnd();
  }

  #showState(entry, state) {
    if (entry.state === state) return;
    entry.state = state;
    entry.element.classList.toggle("waiting", state === "sending");
    entry.foot.className = "foot";
    const { text, icon } = STATES[state];
    const words = make("span", state === "sending" ? "" : "unseen", text);
    entry.foot.replaceChildren(time(entry.at), words, drawIcon(icon));
  }
}

function draw(message) {
  const mine = message.from === "visitor";
  const element = make("li", mine ? "message mine" : "message");
  const label = mine ? "You" : message.name || (message.from === "person" ? "Our team" : "Automatic answer");
  element.append(make("span", mine ? "from unseen" : "from", label));
  const bubble = make("div", "bubble");
  bubble.dir = "auto";
  bubble.append(...withLinks(message.text ?? ""), ...message.media.map(file).filter(Boolean));
  const foot = make("div", "foot");
  if (message.at) foot.append(time(message.at));
  if (message.quoted) foot.append(make("span", "", "Quoted from our documents"));
  element.append(bubble, foot);
  const who = `${message.from}:${message.name ?? ""}:${message.quoted ? "quoted" : ""}`;
  return { key: message.key, seq: message.seq, at: message.at, element, foot, who };
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function time(at) {
  const element = document.createElement("time");
  element.dateTime = at;
  const when = new Date(at);
  const today = when.toDateString() === new Date().toDateString();
  const day = today ? {} : { day: "numeric", month: "short" };
  element.textContent = when.toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit" });
  return element;
}

function drawIcon(path) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

function withLinks(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    const address = withoutSentenceEnd(match[0]);
    nodes.push(document.createTextNode(text.slice(from, match.index)), link(address, address));
    from = match.index + address.length;
  }
  nodes.push(document.createTextNode(text.slice(from)));
  return nodes;
}

// What ends the sentence does not belong to the address, nor does a bracket that the address did not open.
function withoutSentenceEnd(address) {
  const shorter = address.replace(/[.,;:!?…]+$/, "");
  const count = (character) => shorter.split(character).length;
  if (shorter.endsWith(")") && count(")") > count("(")) return withoutSentenceEnd(shorter.slice(0, -1));
  return shorter;
}

function link(address, label) {
  const element = make("a", "", label);
  element.href = address;
  element.target = "_blank";
  element.rel = "noopener noreferrer nofollow";
  return element;
}

function file(item) {
  if (!/^https?:\/\//.test(item.url)) return null;
  const element = link(item.url, item.name || "File");
  element.className = "file";
  return element;
}
