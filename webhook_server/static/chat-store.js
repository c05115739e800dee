// What the browser remembers of a chat: who the visitor is, and what has not reached the server yet.

const memory = new Map(); // where a browser forbids storage, the chat lives as long as the page

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return memory.get(key) ?? null;
  }
}

function write(key, value) {
  memory.set(key, value);
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Private windows refuse; memory has it.
  }
}

export class Store {
  constructor(connection) {
    this.visitorKey = `frontdesk.chat.${connection}.visitor`;
    this.queueKey = `frontdesk.chat.${connection}.queue`;
  }

  // {visitor, token, started}; started = at least one message has reached the server
  get visitor() {
    return read(this.visitorKey);
  }

  set visitor(value) {
    write(this.visitorKey, value);
  }

  get queue() {
    const kept = read(this.queueKey);
    return Array.isArray(kept) ? kept : [];
  }

  push(item) {
    write(this.queueKey, [...this.queue, item]);
  }

  drop(messageId) {
    write(this.queueKey, this.queue.filter((item) => item.message_id !== messageId));
  }
}

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID exists only on https
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
